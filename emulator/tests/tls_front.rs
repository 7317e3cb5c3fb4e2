//! TLS before a plain server: what is asked through it arrives, and it is trusted by whoever was told of its authority.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what is not as expected shall fail the test")]

use std::fs;
use std::net::SocketAddr;

use rankbot_emulator::TlsFront;
use reqwest::{Certificate, Client};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;

/// Answers every connection with the first line that it was sent.
async fn plain_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut lines = BufReader::new(&mut connection).lines();
            // Whoever does not trust the front never gets as far as to ask.
            let Ok(Some(first)) = lines.next_line().await else { continue };
            while lines.next_line().await.unwrap().is_some_and(|line| !line.is_empty()) {}
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", first.len());
            connection.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test]
async fn who_trusts_its_authority_reaches_the_plain_server() {
    let front = TlsFront::start(plain_server().await).await.unwrap();
    let authority = Certificate::from_pem(&fs::read(front.authority()).unwrap()).unwrap();
    let client = Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    let answer = client.get(format!("{}/path", front.url())).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "GET /path HTTP/1.1");
}

#[tokio::test]
async fn who_was_not_told_of_its_authority_is_not_deceived() {
    let front = TlsFront::start(plain_server().await).await.unwrap();
    let other = TlsFront::start(plain_server().await).await.unwrap();
    let authority = Certificate::from_pem(&fs::read(other.authority()).unwrap()).unwrap();
    let client = Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap();
    assert!(client.get(front.url()).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn its_certificate_goes_with_it() {
    let front = TlsFront::start(plain_server().await).await.unwrap();
    let authority = front.authority().to_owned();
    assert!(authority.exists());
    drop(front);
    assert!(!authority.exists());
}
