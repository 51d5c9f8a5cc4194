//! Servers as child processes, on 127.0.0.1, which end with this one, however it ends.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// A server that is ended when this is dropped.
pub struct Server {
    pub address: SocketAddr,
    child: Child,
}

impl Server {
    pub fn new(address: SocketAddr, child: Child) -> Self {
        Server { address, child }
    }

    /// Waits until it answers to `is_ready`.
    pub fn wait_until(&mut self, mut is_ready: impl FnMut(SocketAddr) -> bool) {
        let begin = Instant::now();
        while !is_ready(self.address) {
            assert!(self.child.try_wait().unwrap().is_none(), "a server ended before it began");
            assert!(begin.elapsed() < Duration::from_secs(60), "a server does not begin");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nobody has, for a server that wants to be told one.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// A command that the kernel ends together with this process.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// The same, as another user; for those that refuse to be root.
pub fn command_as(user: &str, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "KILL", "--reuid", user, "--regid", user, "--clear-groups", "--"])
        .arg(program);
    command
}
