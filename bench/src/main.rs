//! `rankbot-bench`: run it as `cargo xtask bench`, which builds what it measures.

#[cfg(target_os = "linux")]
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    rankbot_bench::run(clap::Parser::parse()).await
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    // What it needs of the system, AWS's emulator and `/proc`, is on Linux alone.
    std::process::ExitCode::FAILURE
}
