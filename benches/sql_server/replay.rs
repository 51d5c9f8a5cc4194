//! A server whose long answer comes out of memory: the real one answers it once, and everything else always.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Bytes of a packet's header; its third and fourth are the length of the whole, its second says whether it is
/// the last of its message.
const HEADER: usize = 8;

pub(crate) struct Replay {
    address: SocketAddr,
}

impl Replay {
    /// Stands before the server at `server`, which must not encrypt, and remembers what it answers to `batch`.
    pub(crate) fn of(server: SocketAddr, batch: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let marker: Arc<[u8]> = batch.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let recorded = Arc::new(Mutex::new(None));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (marker, recorded) = (Arc::clone(&marker), Arc::clone(&recorded));
                // Ends when the client goes away.
                std::thread::spawn(move || serve(client.unwrap(), server, &marker, &recorded));
            }
        });
        Replay { address }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    marker: &[u8],
    recorded: &Mutex<Option<Arc<Vec<u8>>>>,
) -> Option<()> {
    let mut server = TcpStream::connect(server).ok()?;
    client.set_nodelay(true).ok()?;
    server.set_nodelay(true).ok()?;
    loop {
        let (question, payload) = message(&mut client)?;
        let is_recorded = payload.ends_with(marker);
        let known = recorded.lock().unwrap().clone().filter(|_| is_recorded);
        let answer = match known {
            Some(answer) => answer,
            None => {
                server.write_all(&question).ok()?;
                let answer = Arc::new(message(&mut server)?.0);
                if is_recorded {
                    *recorded.lock().unwrap() = Some(Arc::clone(&answer));
                }
                answer
            }
        };
        client.write_all(&answer).ok()?;
    }
}

/// The packets of a message as they came, and what is in them.
fn message(from: &mut TcpStream) -> Option<(Vec<u8>, Vec<u8>)> {
    let (mut packets, mut payload) = (Vec::new(), Vec::new());
    loop {
        let mut packet = vec![0; HEADER];
        from.read_exact(&mut packet).ok()?;
        packet.resize(usize::from(u16::from_be_bytes([packet[2], packet[3]])), 0);
        from.read_exact(&mut packet[HEADER..]).ok()?;
        packets.extend_from_slice(&packet);
        payload.extend_from_slice(&packet[HEADER..]);
        if packet[1] & 1 != 0 {
            return Some((packets, payload));
        }
    }
}
