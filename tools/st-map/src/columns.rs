//! Names that columns may get.

use st_expr::SyntaxError;

/// Refuses the one name that would make a row look like a marker.
pub fn check(name: &str) -> Result<(), SyntaxError> {
    if name == "$st" {
        return Err(SyntaxError::plain(
            "no column may be called `$st`: it is how markers begin; choose another name",
        ));
    }
    Ok(())
}
