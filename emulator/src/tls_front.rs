//! TLS before a plain server.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};
use tempfile::TempDir;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{self, ServerConfig};

/// Why there is no front.
#[derive(Debug, thiserror::Error)]
pub enum TlsFrontError {
    /// No certificate.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The certificate cannot be used.
    #[error("cannot use the certificate")]
    Tls(#[from] rustls::Error),
    /// No port, or no place for the certificate.
    #[error("cannot listen on 127.0.0.1, or keep the certificate")]
    Io(#[from] io::Error),
}

/// Takes TLS connections for `localhost` and hands what is in them to a plain server. Its certificate is issued by an
/// authority of its own, which whoever connects has to be told of: see [`TlsFront::authority`]. Dropping it closes it.
#[derive(Debug)]
pub struct TlsFront {
    address: SocketAddr,
    authority: PathBuf,
    server: JoinHandle<()>,
    // Deleted with its owner.
    _folder: TempDir,
}

impl TlsFront {
    /// Starts it on a free port of 127.0.0.1.
    pub async fn start(upstream: SocketAddr) -> Result<Self, TlsFrontError> {
        let folder = TempDir::new()?;
        let authority = folder.path().join("authority.pem");
        let config = issue(&authority)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), upstream));
        Ok(Self { address, authority, server, _folder: folder })
    }

    /// `https://localhost:PORT`
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// The authority's certificate, as PEM: the file for `SSL_CERT_FILE` in a function's environment.
    pub fn authority(&self) -> &Path {
        &self.authority
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A new authority, whose certificate is written to `path`, and a certificate for `localhost` that it has issued.
fn issue(path: &Path) -> Result<ServerConfig, TlsFrontError> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    std::fs::write(path, authority.pem())?;
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &authority)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key)?)
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, upstream: SocketAddr) {
    while let Ok((connection, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // Either side may hang up at any time; the other then sees it.
            let _ = forward(connection, acceptor, upstream).await;
        });
    }
}

async fn forward(connection: TcpStream, acceptor: TlsAcceptor, upstream: SocketAddr) -> io::Result<()> {
    connection.set_nodelay(true)?;
    let mut inner = TcpStream::connect(upstream).await?;
    inner.set_nodelay(true)?;
    let mut outer = acceptor.accept(connection).await?;
    copy_bidirectional(&mut outer, &mut inner).await?;
    Ok(())
}
