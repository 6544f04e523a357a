//! Every scalar function, one file per family.

use crate::function::Function;

/// All functions of all families.
pub fn all() -> impl Iterator<Item = &'static Function> {
    std::iter::empty()
}
