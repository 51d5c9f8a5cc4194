//! A Unix domain socket. Who may write to its file may connect: the user of the process, and its group (0660).

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};

use tokio::net::{UnixListener, UnixStream};

use crate::access::Peer;

/// The file's mode.
const MODE: u32 = 0o660;

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody listens there.
    #[error("another program, perhaps another ringroute, listens on {}: stop that one, or choose another path", .0.display())]
    InUse(PathBuf),
    /// There is something else.
    #[error("{} is there and is not a socket: move it away, or choose another path", .0.display())]
    NotASocket(PathBuf),
    /// The system does not let it.
    #[error("cannot listen on {}: {cause}; its folder has to be there, and this user must be able to write to it", path.display())]
    Failed {
        /// The socket.
        path: PathBuf,
        /// What the system says.
        cause: io::Error,
    },
}

/// A socket that is listened on. Its file goes when this is dropped.
#[derive(Debug)]
pub struct UnixDoor {
    listener: UnixListener,
    path: PathBuf,
}

impl UnixDoor {
    /// Listens on `path`. A file that a process left behind, which did not end well, is replaced.
    pub fn bind(path: &Path) -> Result<Self, SocketError> {
        UnixDoor::check(path)?;
        let failed = |cause| SocketError::Failed { path: path.to_owned(), cause };
        // Under another name first, so that nobody can connect before the mode is set.
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".{}", std::process::id()));
        let new = PathBuf::from(new);
        let _ = std::fs::remove_file(&new);
        let listener = UnixListener::bind(&new).map_err(failed)?;
        let placed = std::fs::set_permissions(&new, std::fs::Permissions::from_mode(MODE))
            .and_then(|()| std::fs::rename(&new, path));
        if let Err(cause) = placed {
            let _ = std::fs::remove_file(&new);
            return Err(failed(cause));
        }
        Ok(UnixDoor { listener, path: path.to_owned() })
    }

    /// Whether `path` is free, or a file that nobody listens on.
    pub fn check(path: &Path) -> Result<(), SocketError> {
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(cause) => Err(SocketError::Failed { path: path.to_owned(), cause }),
            Ok(file) if !file.file_type().is_socket() => Err(SocketError::NotASocket(path.to_owned())),
            Ok(_) => match std::os::unix::net::UnixStream::connect(path) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Ok(()),
                Err(cause) => Err(SocketError::Failed { path: path.to_owned(), cause }),
                Ok(_) => Err(SocketError::InUse(path.to_owned())),
            },
        }
    }

    pub(super) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<(UnixStream, Peer)>> {
        self.listener.poll_accept(context).map_ok(|(stream, _)| {
            let user = stream.peer_cred().ok().map(|credentials| credentials.uid());
            (stream, Peer::Local(user))
        })
    }
}

impl Drop for UnixDoor {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_for_its_user_and_group_and_goes_with_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ringroute.sock");
        let door = UnixDoor::bind(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let problem = UnixDoor::bind(&path).unwrap_err();
        assert!(matches!(problem, SocketError::InUse(_)), "{problem}");
        assert!(path.exists(), "the one in use is left alone");
        drop(door);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_dead_process_left_behind_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let stale = folder.path().join("stale.sock");
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
        assert!(stale.exists(), "the standard library leaves the file behind, as a killed process does");
        UnixDoor::bind(&stale).unwrap();

        let file = folder.path().join("file");
        std::fs::write(&file, "mine").unwrap();
        assert!(matches!(UnixDoor::bind(&file).unwrap_err(), SocketError::NotASocket(_)));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
        let nowhere = UnixDoor::bind(&folder.path().join("nowhere/a.sock")).unwrap_err();
        assert!(nowhere.to_string().contains("its folder has to be there"), "{nowhere}");
    }
}
