//! Private files: creating files and folders that only their owner can use, and detecting files that others can use.
//!
//! A created file has mode 0600 and a created folder 0700, whatever the umask is. The mode of a file or folder that
//! already exists is never changed: it is the operator's decision, and the server only warns about it.

use std::fs::{self, DirBuilder, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// The permissions of the group and of others to read or write.
const OTHERS_READ_OR_WRITE: u32 = 0o066;

/// Creates a folder and its missing parents.
///
/// # Errors
/// If a folder cannot be created.
pub fn create_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_folder(parent)?;
    }

    match DirBuilder::new().mode(FOLDER_MODE).create(path) {
        // The umask may have taken permissions from the owner, too.
        Ok(()) => fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE)),
        // Another server that starts at the same time created it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Creates an empty file if there is none.
///
/// # Errors
/// If the file cannot be created.
pub fn create_file(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).mode(FILE_MODE);

    match options.clone().create_new(true).open(path) {
        Ok(file) => make_private(&file),
        // A symbolic link to a missing file: the library that opens it next would create that file with a wider mode.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && !path.exists() => {
            options.create(true).truncate(false).open(path).map(drop)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a file that was just created its mode, which the umask may have narrowed.
///
/// # Errors
/// If the mode cannot be set.
pub fn make_private(file: &fs::File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(FILE_MODE))
}

/// The mode of a regular file that users other than its owner can read or write. `None` if they cannot, or if there is
/// no such file.
#[must_use]
pub fn exposed_mode(path: &Path) -> Option<u32> {
    let metadata = fs::metadata(path).ok().filter(Metadata::is_file)?;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & OTHERS_READ_OR_WRITE != 0).then_some(mode)
}
