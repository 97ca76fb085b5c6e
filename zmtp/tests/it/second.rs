//! A second peer: the codec `omq-proto`, which others wrote, with the interface of our own.

use allot_zmtp::SocketType;
use omq_proto::proto::connection::{ConnectionConfig, Role};
use omq_proto::proto::{Command, Connection, Event};
use omq_proto::{
    CurveKeypair, CurvePublicKey, CurveSecretKey, CurveServerOptions, Error, MechanismSetup,
    Message,
};

use crate::pair::Heard;

/// One end of a connection, of the other codec.
pub(crate) struct Second {
    connection: Connection,
    is_publisher: bool,
    /// The identity that its peer told.
    pub(crate) peer_identity: Vec<u8>,
}

impl Second {
    pub(crate) fn new(socket: SocketType, identity: &[u8], security: MechanismSetup) -> Self {
        let role = match socket {
            SocketType::Router | SocketType::Xpub => Role::Server,
            SocketType::Dealer | SocketType::Req | SocketType::Sub => Role::Client,
        };
        let config = ConnectionConfig::new(role, name(socket))
            .identity(identity.to_vec().into())
            .mechanism(security);
        Self {
            connection: Connection::new(config),
            is_publisher: socket == SocketType::Xpub,
            peer_identity: Vec::new(),
        }
    }

    /// Everything that it hears in these bytes, given in pieces of `piece` bytes, and the error
    /// that ended the connection. What comes in one piece is in the order of messages, then
    /// commands: this codec keeps them apart.
    pub(crate) fn hear(&mut self, bytes: &[u8], piece: usize) -> (Vec<Heard>, Option<Error>) {
        let mut heard = Vec::new();
        for piece in bytes.chunks(piece) {
            let result = self.connection.handle_input(piece.to_vec().into());
            self.drain(&mut heard);
            if let Err(error) = result {
                return (heard, Some(error));
            }
        }
        (heard, None)
    }

    fn drain(&mut self, heard: &mut Vec<Heard>) {
        while let Some(message) = self.connection.poll_message() {
            heard.push(self.message(message.iter().map(|frame| frame.to_vec()).collect()));
        }
        while let Some(event) = self.connection.poll_event() {
            match event {
                Event::HandshakeSucceeded { peer_properties, .. } => {
                    self.peer_identity =
                        peer_properties.identity.as_ref().map_or(Vec::new(), |id| id.to_vec());
                    heard.push(Heard::Ready);
                }
                // To others than publishers a subscription says nothing.
                Event::Command(Command::Subscribe(topic)) if self.is_publisher => {
                    heard.push(Heard::Subscribe(topic.to_vec()));
                }
                Event::Command(Command::Cancel(topic)) if self.is_publisher => {
                    heard.push(Heard::Cancel(topic.to_vec()));
                }
                Event::Command(_) | Event::Message(_) => {}
            }
        }
    }

    /// The form of a subscription before ZMTP 3.1 is to this codec a message like any other.
    fn message(&self, frames: Vec<Vec<u8>>) -> Heard {
        match &frames[..] {
            [one] if self.is_publisher => match one.split_first() {
                Some((1, topic)) => Heard::Subscribe(topic.to_vec()),
                Some((0, topic)) => Heard::Cancel(topic.to_vec()),
                _ => Heard::Message(frames),
            },
            _ => Heard::Message(frames),
        }
    }

    pub(crate) fn output(&mut self) -> Vec<u8> {
        let bytes = self.connection.poll_transmit().to_vec();
        self.connection.advance_transmit(bytes.len());
        bytes
    }

    pub(crate) fn send(&mut self, frames: &[Vec<u8>]) {
        let message = Message::multipart(frames.to_vec());
        self.connection.send_message(&message).expect("the handshake is over");
    }

    pub(crate) fn command(&mut self, command: &Command) {
        self.connection.send_command(command).expect("the handshake is over");
    }
}

/// Keys that both codecs can have: of a server and of a client.
pub(crate) struct Keys {
    server: CurveKeypair,
    client: CurveKeypair,
}

impl Keys {
    pub(crate) fn make() -> Self {
        Self { server: CurveKeypair::generate(), client: CurveKeypair::generate() }
    }

    /// The security of our server and of our client.
    pub(crate) fn ours(&self) -> [allot_zmtp::Security; 2] {
        use allot_zmtp::{KeyPair, PublicKey, Security};
        let pair = |keys: &CurveKeypair| KeyPair::of(PublicKey(keys.public.0), keys.secret.0);
        let server = PublicKey(self.server.public.0);
        [
            Security::CurveServer(pair(&self.server)),
            Security::CurveClient { server, own: pair(&self.client) },
        ]
    }

    /// The same of the second codec.
    pub(crate) fn theirs(&self) -> [MechanismSetup; 2] {
        let pair = |keys: &CurveKeypair| CurveKeypair {
            public: CurvePublicKey(keys.public.0),
            secret: CurveSecretKey(keys.secret.0),
        };
        [
            MechanismSetup::CurveServer {
                our_keypair: pair(&self.server),
                options: CurveServerOptions::new(),
            },
            MechanismSetup::CurveClient {
                our_keypair: pair(&self.client),
                server_public: CurvePublicKey(self.server.public.0),
            },
        ]
    }

    pub(crate) fn of_client(&self) -> allot_zmtp::PublicKey {
        allot_zmtp::PublicKey(self.client.public.0)
    }
}

const fn name(socket: SocketType) -> omq_proto::SocketType {
    match socket {
        SocketType::Router => omq_proto::SocketType::Router,
        SocketType::Dealer => omq_proto::SocketType::Dealer,
        SocketType::Req => omq_proto::SocketType::Req,
        SocketType::Xpub => omq_proto::SocketType::XPub,
        SocketType::Sub => omq_proto::SocketType::Sub,
    }
}
