//! A way in for the containers of this machine: `sam local` runs each function in one, and there 127.0.0.1 is the
//! container itself. (SAM's `--docker-network host` does not change that: SAM passes over this one name.)
//!
//! Docker Desktop forwards from its containers to the machine's loopback. On Linux nobody does: there a door listens on
//! the machine's other addresses too, but opens to its own containers alone.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The kernel's table of IPv4 routes; on Linux alone.
const ROUTES: &str = "/proc/net/route";
/// The name of the machine in Docker Desktop's containers.
const DOCKER_DESKTOP: &str = "host.docker.internal";
/// The name of the machine in Podman's containers.
const PODMAN: &str = "host.containers.internal";

/// The address of a server, for whoever asks from a container. Good for as long as this value lives.
#[derive(Debug)]
pub struct ContainerAddress {
    url: String,
    door: Option<JoinHandle<()>>,
}

impl ContainerAddress {
    /// How containers reach `url`. What is on loopback gets a door; anything else is where it is.
    pub async fn of(url: &str) -> io::Result<Self> {
        let Some((inner, path)) = on_loopback(url) else {
            return Ok(Self { url: url.to_owned(), door: None });
        };
        if !cfg!(target_os = "linux") {
            return Ok(Self { url: format!("http://{DOCKER_DESKTOP}:{}{path}", inner.port()), door: None });
        }
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
        let port = listener.local_addr()?.port();
        let engine = std::env::var("DOCKER_HOST").unwrap_or_default();
        let url = format!("http://{}:{port}{path}", machine(&engine, &networks()));
        Ok(Self { url, door: Some(tokio::spawn(serve(listener, inner))) })
    }

    /// Scheme and authority, without a slash at its end, and the path of the address that it stands for.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ContainerAddress {
    fn drop(&mut self) {
        if let Some(door) = &self.door {
            door.abort();
        }
    }
}

/// The server and the path of an address on loopback.
fn on_loopback(url: &str) -> Option<(SocketAddr, &str)> {
    let address = url.strip_prefix("http://")?;
    let (authority, path) = address.split_at(address.find('/').unwrap_or(address.len()));
    let server: SocketAddr = authority.parse().ok()?;
    server.ip().is_loopback().then_some((server, path))
}

async fn serve(listener: TcpListener, inner: SocketAddr) {
    while let Ok((connection, peer)) = listener.accept().await {
        let addressed = connection.local_addr().map(|address| address.ip());
        if addressed.is_ok_and(|addressed| is_of_this_machine(peer.ip(), addressed, &networks())) {
            tokio::spawn(async move {
                // Either side may hang up at any time; the other then sees it.
                let _ = forward(connection, inner).await;
            });
        }
    }
}

async fn forward(mut outer: TcpStream, inner: SocketAddr) -> io::Result<()> {
    let mut inner = TcpStream::connect(inner).await?;
    outer.set_nodelay(true)?;
    inner.set_nodelay(true)?;
    copy_bidirectional(&mut outer, &mut inner).await?;
    Ok(())
}

/// A network of containers on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    owner: Owner,
    address: u32,
    mask: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// Docker's own network.
    Docker,
    /// Podman's own, or one that somebody has made with either.
    Other,
}

impl Network {
    fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & self.mask == self.address
    }

    /// The machine in its own network: by convention the first address.
    const fn machine(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address + 1)
    }
}

/// The networks of containers at this moment: an engine makes one when its first container needs it.
fn networks() -> Vec<Network> {
    std::fs::read_to_string(ROUTES).map(|table| table.lines().filter_map(network).collect()).unwrap_or_default()
}

/// `docker0 000011AC 00000000 0001 0 0 0 0000FFFF 0 0 0`: interface, destination, gateway, flags, …, mask. The
/// addresses are in the byte order of the network, written as the machine's.
fn network(line: &str) -> Option<Network> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [interface, address, gateway, _flags, _references, _use, _metric, mask, ..] = fields.as_slice() else {
        return None;
    };
    let owner = match *interface {
        "docker0" => Owner::Docker,
        other if other.starts_with("podman") || other.starts_with("cni-podman") => Owner::Other,
        // `br-` and twelve hexadecimal digits: a network that somebody has made with Docker.
        other if other.strip_prefix("br-").is_some_and(|id| id.len() == 12) => Owner::Other,
        _ => return None,
    };
    let number = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::from_be);
    (number(gateway)? == 0).then_some(Network { owner, address: number(address)?, mask: number(mask)? })
}

/// What containers call this machine: Docker's have no name for it on Linux, Podman's do.
fn machine(engine: &str, networks: &[Network]) -> String {
    let docker = networks.iter().find(|network| network.owner == Owner::Docker);
    match docker {
        Some(network) if !engine.contains("podman") => network.machine().to_string(),
        Some(_) | None => PODMAN.to_owned(),
    }
}

/// Whether `peer`, who asks for `addressed`, is on this machine: in one of its containers, or beside them, which is how
/// containers without a network of their own arrive.
fn is_of_this_machine(peer: IpAddr, addressed: IpAddr, networks: &[Network]) -> bool {
    let in_a_container = |address| networks.iter().any(|network| network.contains(address));
    peer == addressed || peer.is_loopback() || matches!(peer, IpAddr::V4(address) if in_a_container(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
podman0\t0000580A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0";

    fn table() -> Vec<Network> {
        TABLE.lines().filter_map(network).collect()
    }

    fn allowed(peer: &str, addressed: &str) -> bool {
        is_of_this_machine(peer.parse().unwrap(), addressed.parse().unwrap(), &table())
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn the_machines_own_containers_are_let_in_and_nobody_of_its_network() {
        assert!(allowed("172.17.0.2", "172.17.0.1") && allowed("10.88.3.4", "10.88.0.1"));
        assert!(!allowed("192.168.1.7", "192.168.1.5") && !allowed("192.168.1.7", "172.17.0.1"));
        assert!(!allowed("172.18.0.2", "172.17.0.1") && !allowed("8.8.8.8", "192.168.1.5"));
    }

    #[test]
    fn the_machine_itself_is_let_in() {
        assert!(allowed("192.168.1.5", "192.168.1.5") && allowed("127.0.0.1", "127.0.0.1"));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn dockers_containers_know_the_machine_by_its_address_and_podmans_by_name() {
        assert_eq!(machine("", &table()), "172.17.0.1");
        assert_eq!(machine("unix:///run/podman/podman.sock", &table()), PODMAN);
        assert_eq!(machine("", &[]), PODMAN);
    }

    #[tokio::test]
    async fn a_path_stays() {
        let address = ContainerAddress::of("http://127.0.0.1:80/a/path").await.unwrap();
        let (server, path) = address.url().strip_prefix("http://").unwrap().split_once('/').unwrap();
        assert!(!server.starts_with("127.") && path == "a/path", "{}", address.url());
    }

    #[tokio::test]
    async fn what_is_not_on_loopback_is_where_it_is() {
        for url in ["https://apis.roblox.com", "http://192.168.1.5:80/path"] {
            assert_eq!(ContainerAddress::of(url).await.unwrap().url(), url);
        }
    }
}
