//! The sub-commands, one file each: what it takes, and what it does.

pub(crate) mod demo;
pub(crate) mod init;
pub(crate) mod serve;
pub(crate) mod router;
pub(crate) mod shard;
pub(crate) mod publisher;
pub(crate) mod feed;
pub(crate) mod positions;
pub(crate) mod verify;
pub(crate) mod inspect;
pub(crate) mod export;
pub(crate) mod backup;
pub(crate) mod restore;
pub(crate) mod fills;
pub(crate) mod doctor;
pub(crate) mod signals;
pub(crate) mod mesh;
pub(crate) mod desk;
pub(crate) mod bench;
pub(crate) mod console;
pub(crate) mod config;
pub(crate) mod completions;
pub(crate) mod man;
