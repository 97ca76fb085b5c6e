//! Each: how many of a thing every person has at a time, so that nobody takes the room of all.

use std::sync::{Arc, Mutex, PoisonError};

/// Who has one, once for each. Clones count the same things.
#[derive(Clone, Debug, Default)]
pub(crate) struct Each(Arc<Mutex<Vec<String>>>);

/// One of them; it counts until it is dropped.
#[derive(Debug)]
pub(crate) struct One {
    each: Each,
    person: String,
}

impl Each {
    /// One more for this person; none where they have `most` already.
    pub(crate) fn take(&self, person: &str, most: usize) -> Option<One> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if most <= all.iter().filter(|one| *one == person).count() {
            return None;
        }
        all.push(person.to_owned());
        Some(One { each: self.clone(), person: person.to_owned() })
    }
}

impl Drop for One {
    fn drop(&mut self) {
        let mut all = self.each.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = all.iter().position(|person| *person == self.person) {
            all.swap_remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_takes_the_room_of_one() {
        let each = Each::default();
        let first = each.take("anna", 2).unwrap();
        let _second = each.take("anna", 2).unwrap();
        assert!(each.take("anna", 2).is_none() && each.take("ben", 2).is_some());
        drop(first);
        assert!(each.take("anna", 2).is_some());
    }
}
