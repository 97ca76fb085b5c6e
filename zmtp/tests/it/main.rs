//! Both ends of a connection, with each other and against bytes that nobody would send.

mod hostile;
mod pair;
mod talk;
