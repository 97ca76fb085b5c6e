//! User order: whether the replies to each user's commands come as the commands left.

/// The last command of each user that has its reply.
pub(super) struct UserOrder(Vec<u64>);

impl UserOrder {
    /// Of so many users, none of whom has a reply yet.
    pub(super) fn new(users: u32) -> Self {
        Self(vec![0; usize::try_from(users).expect("32 bits fit")])
    }

    /// A command has its last reply.
    ///
    /// # Errors
    /// When a later one of the same user had its reply before.
    pub(super) fn note(&mut self, user: u32, seq: u64) -> Result<(), String> {
        let last = &mut self.0[usize::try_from(user).expect("32 bits fit")];
        if seq <= *last {
            return Err(format!("command {seq} has its reply after {last} of the same user"));
        }
        *last = seq;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_that_are_swapped_are_found_if_they_are_of_one_user() {
        let wrong = |replies: &[(u32, u64)]| {
            let mut order = UserOrder::new(2);
            replies.iter().find_map(|(user, seq)| order.note(*user, *seq).err())
        };
        assert_eq!(wrong(&[(0, 1), (1, 2), (0, 3), (1, 4)]), None);
        assert_eq!(wrong(&[(1, 2), (0, 1), (0, 3), (1, 4)]), None);
        let expected = "command 1 has its reply after 3 of the same user";
        assert_eq!(wrong(&[(0, 3), (1, 2), (0, 1), (1, 4)]).as_deref(), Some(expected));
    }
}
