//! Files that their owner alone may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

/// Writes a new file and puts it in the old one's place: nobody ever sees half of it, or reads it before it is private.
pub(super) fn write(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let mut new = path.to_owned().into_os_string();
    new.push(".new");
    write_new(new.as_ref(), value).and_then(|()| fs::rename(&new, path))
}

fn write_new(path: &Path, value: &impl Serialize) -> io::Result<()> {
    // One that is left over from a crash may be readable by others.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = create_private(path)?;
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    file.write_all(&text)?;
    file.sync_all()
}

#[cfg(unix)]
fn create_private(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> io::Result<File> {
    // A user's folders are private there already.
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Whether nobody but its owner may read it.
#[cfg(unix)]
pub(super) fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    const OTHERS: u32 = 0o077;
    fs::metadata(path).is_ok_and(|metadata| metadata.mode() & OTHERS == 0)
}

/// A user's folders are private there already.
#[cfg(not(unix))]
pub(super) fn is_private(_path: &Path) -> bool {
    true
}
