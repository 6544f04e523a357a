//! The page itself, part of the program.

/// A file of the page.
pub struct File {
    pub kind: &'static str,
    pub text: &'static str,
}

/// The file of that name.
pub fn file(name: &str) -> Option<File> {
    let (kind, text) = match name {
        "" => (
            "text/html; charset=utf-8",
            include_str!("../page/index.html"),
        ),
        "style.css" => ("text/css; charset=utf-8", include_str!("../page/style.css")),
        "app.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../page/app.js"),
        ),
        "charts.js" => (
            "text/javascript; charset=utf-8",
            include_str!("../page/charts.js"),
        ),
        "icon.svg" => ("image/svg+xml", include_str!("../page/icon.svg")),
        _ => return None,
    };
    Some(File { kind, text })
}
