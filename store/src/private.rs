//! Directories and files that their owner alone may read, whatever the umask. Keys and a group's log are in them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// The directory that `rankbot local` makes where no other is named.
const OWN_DIRECTORY: &str = ".rankbot";

/// Makes the directory, with those above it, for its owner alone. One that is there and bears another name than RankBot's own
/// keeps its rights: it may hold what others are to read.
pub(crate) fn make_directory(path: &Path) -> io::Result<()> {
    let is_own = path.file_name().is_some_and(|name| name == OWN_DIRECTORY) || !path.exists();
    fs::create_dir_all(path)?;
    if is_own { restrict(path, 0o700) } else { Ok(()) }
}

/// Opens a file for writing, or makes it, for its owner alone; what it holds stays. An earlier version made it readable.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    restrict(path, 0o600)?;
    Ok(file)
}

/// Closes a file to others, if it is there.
pub(crate) fn close(path: &Path) -> io::Result<()> {
    match restrict(path, 0o600) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        closed => closed,
    }
}

#[cfg(unix)]
fn restrict(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// A user's folders are private there already.
#[cfg(not(unix))]
fn restrict(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
