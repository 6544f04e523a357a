//! Opens a file at a place of its text, compressed or not.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;

/// True if the name says that the text is compressed.
pub fn is_compressed(path: &str) -> bool {
    path.ends_with(".gz") || path.ends_with(".zst")
}

/// The text of an open file, from byte `offset` of it on.
pub fn text_from(mut file: File, path: &str, offset: u64) -> io::Result<Box<dyn Read>> {
    // A clone of an open file shares its place.
    file.seek(SeekFrom::Start(0))?;
    let mut reader: Box<dyn Read> = if path.ends_with(".gz") {
        Box::new(MultiGzDecoder::new(BufReader::with_capacity(
            128 * 1024,
            file,
        )))
    } else if path.ends_with(".zst") {
        Box::new(zstd::stream::read::Decoder::new(file)?)
    } else {
        file.seek(SeekFrom::Start(offset))?;
        return Ok(Box::new(file));
    };
    // What is compressed can only be read from its beginning.
    io::copy(&mut (&mut reader).take(offset), &mut io::sink())?;
    Ok(reader)
}

/// Opens a file; none if there is none.
pub fn open(path: &str) -> Result<Option<File>> {
    match File::open(path) {
        Ok(file) => {
            if file
                .metadata()
                .with_context(|| format!("{path}: cannot be read"))?
                .is_dir()
            {
                bail!("{path}: is a directory now, a file was expected");
            }
            Ok(Some(file))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error)
            .with_context(|| format!("{path}: cannot be read; make it readable or move it away")),
    }
}

/// Modification time in microseconds since 1970.
pub fn mtime(metadata: &std::fs::Metadata) -> i64 {
    use std::os::unix::fs::MetadataExt;
    metadata
        .mtime()
        .saturating_mul(1_000_000)
        .saturating_add(metadata.mtime_nsec() / 1000)
}

/// The folder a path is in, `.` for a bare name.
pub fn folder_of(path: &str) -> &Path {
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
