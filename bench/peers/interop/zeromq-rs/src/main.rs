//! A client of the crate `zeromq`, ZeroMQ in Rust alone; `interop.py` says what it has to do.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;
use zeromq::{
    DealerSocket, ReqSocket, Socket, SocketRecv, SocketSend, SubSocket, XSubSocket, ZmqMessage,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How long all of a role may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [role, front, publish, key] = &arguments[..] else {
        return Err("a role, two endpoints and `-` for the key".into());
    };
    if key != "-" {
        return Err("this client has no CURVE".into());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let play = async {
            match role.as_str() {
                "dealer" => dealer(front).await,
                "req" => req(front).await,
                "sub" => sub(front, publish).await,
                "xsub" => xsub(front, publish).await,
                _ => Err("no such role".into()),
            }
        };
        timeout(PATIENCE, play).await.map_err(|_| "the time is over")?
    })
}

fn fill(role: &str, seq: u64) -> String {
    json!({
        "type": "fill",
        "source": format!("rs-{role}"),
        "seq": seq,
        "ticker": "AAPL",
        "price": "187.23",
        "quantity": 100,
    })
    .to_string()
}

/// The server is restarted.
fn pause() -> Result<()> {
    println!("ready");
    std::io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// The replies of a message.
fn read(message: &ZmqMessage) -> Result<Vec<Value>> {
    let body = message.iter().last().ok_or("a message without a frame")?;
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    Ok(lines.map(serde_json::from_slice).collect::<std::result::Result<_, _>>()?)
}

/// Reads until there are so many replies.
async fn replies(client: &mut DealerSocket, count: usize) -> Result<Vec<Value>> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.extend(read(&client.recv().await?)?);
    }
    if seen.len() == count { Ok(seen) } else { Err("too many replies".into()) }
}

async fn dealer(front: &str) -> Result<()> {
    let mut client = DealerSocket::new();
    client.connect(front).await?;
    for seq in 1..4 {
        client.send(fill("dealer", seq).into()).await?;
    }
    let many: Vec<_> = (4..5_004).map(|seq| fill("dealer", seq)).collect();
    client.send(many.join("\n").into()).await?;
    let seen = replies(&mut client, 5_003).await?;
    let seqs: BTreeSet<_> = seen.iter().filter_map(|reply| reply["seq"].as_u64()).collect();
    if !seqs.iter().copied().eq(1..5_004) {
        return Err("not every fill has its reply".into());
    }
    let mut many = ZmqMessage::from("x");
    (1..1_000).for_each(|_| many.push_back("x".into()));
    client.send(many).await?;
    let [refused] = &replies(&mut client, 1).await?[..] else { return Err("no reply".into()) };
    if refused["type"] != "rejected" {
        return Err(format!("not refused: {refused}").into());
    }
    pause()?;
    // A DEALER of this crate does not connect again by itself.
    let mut client = DealerSocket::new();
    client.connect(front).await?;
    client.send(fill("dealer", 1).into()).await?;
    let [first] = &replies(&mut client, 1).await?[..] else { return Err("no reply".into()) };
    if first["seq"] == 1 { Ok(()) } else { Err(format!("another reply: {first}").into()) }
}

async fn req(front: &str) -> Result<()> {
    for begin in [1, 101] {
        // A REQ whose reply is lost is done with.
        let mut client = ReqSocket::new();
        client.connect(front).await?;
        for seq in begin..begin + 20 {
            client.send(fill("req", seq).into()).await?;
            let seen = read(&client.recv().await?)?;
            if seen.len() != 1 || seen[0]["seq"] != seq {
                return Err(format!("another reply: {seen:?}").into());
            }
        }
        if begin == 1 {
            pause()?;
        }
    }
    Ok(())
}

const TOPICS: [&str; 3] = ["positions:json", "fills:json:AAPL:", "heartbeat:"];

async fn sub(front: &str, publish: &str) -> Result<()> {
    let mut feed = SubSocket::new();
    feed.connect(publish).await?;
    for topic in TOPICS {
        feed.subscribe(topic).await?;
    }
    hear(&mut feed, front, "sub", 1).await?;
    pause()?;
    hear(&mut feed, front, "sub", 1_000_000).await
}

async fn xsub(front: &str, publish: &str) -> Result<()> {
    let mut feed = XSubSocket::new();
    feed.connect(publish).await?;
    for topic in TOPICS {
        feed.subscribe(topic).await?;
    }
    hear(&mut feed, front, "xsub", 1).await?;
    pause()?;
    hear(&mut feed, front, "xsub", 1_000_000).await
}

/// Waits for all three families; fills are sent until one is heard.
async fn hear(feed: &mut impl SocketRecv, front: &str, role: &str, first: u64) -> Result<()> {
    let mut client = DealerSocket::new();
    client.connect(front).await?;
    let (mut families, mut seq) = (BTreeSet::new(), first);
    while families.len() < TOPICS.len() {
        if !families.contains("fills") {
            client.send(fill(role, seq).into()).await?;
            seq += 1;
        }
        let Ok(Ok(message)) = timeout(Duration::from_millis(100), feed.recv()).await else {
            continue;
        };
        let frames: Vec<_> = message.iter().collect();
        let [topic, number, body] = &frames[..] else { return Err("not three frames".into()) };
        if number.len() != 8 {
            return Err("the number has not eight bytes".into());
        }
        serde_json::from_slice::<Value>(body)?;
        let topic = std::str::from_utf8(topic)?;
        families.insert(topic.split(':').next().unwrap_or_default().to_owned());
    }
    Ok(())
}
