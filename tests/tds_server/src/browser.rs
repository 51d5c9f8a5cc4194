//! SQL Server Browser: tells on UDP at which port a named instance listens.

use std::io;
use std::net::SocketAddr;

use tokio::net::UdpSocket;

use crate::server::Server;

/// `CLNT_UCAST_INST`: where is this instance?
const WHERE_IS: u8 = 0x04;
/// `SVR_RESP`.
const ANSWER: u8 = 0x05;

impl Server {
    /// Answers at `listen` (clients ask port 1434) for this server's instance, as long as the server lives.
    pub fn browser(&self, listen: SocketAddr) -> io::Result<SocketAddr> {
        let socket = std::net::UdpSocket::bind(listen)?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let Some(runtime) = self.runtime() else { return Err(io::ErrorKind::NotConnected.into()) };
        let guard = runtime.enter();
        let socket = UdpSocket::from_std(socket)?;
        drop(guard);
        let instance = self.options().instance.clone().unwrap_or_else(|| "MSSQLSERVER".to_owned());
        let name = self.options().name.clone();
        let port = self.address().port();
        runtime.spawn(async move {
            let mut question = [0; 1024];
            loop {
                let Ok((length, asker)) = socket.recv_from(&mut question).await else { continue };
                let Some((&WHERE_IS, asked)) = question[..length].split_first() else { continue };
                let asked = asked.split(|byte| *byte == 0).next().unwrap_or_default();
                if !String::from_utf8_lossy(asked).eq_ignore_ascii_case(&instance) {
                    // Nobody of that name here: no answer, as the real one does.
                    continue;
                }
                let text = format!(
                    "ServerName;{name};InstanceName;{instance};IsClustered;No;Version;{};tcp;{port};;",
                    crate::token::PRODUCT_VERSION
                );
                let mut reply = vec![ANSWER];
                reply.extend_from_slice(&u16::try_from(text.len()).unwrap_or(u16::MAX).to_le_bytes());
                reply.extend_from_slice(text.as_bytes());
                drop(socket.send_to(&reply, asker).await);
            }
        });
        Ok(address)
    }
}
