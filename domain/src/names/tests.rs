//! Names: against sets of all that was stored.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;

use super::*;
use crate::limits::QUIET_SOURCES_MAX;

impl Remembered for u64 {
    const LEN: usize = 8;

    fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn load(cursor: &mut Cursor<'_>) -> Result<Self, SnapshotError> {
        cursor.u64()
    }
}

fn source(text: &str) -> SourceId {
    SourceId::new(text.as_bytes()).unwrap()
}

fn id(text: &str) -> MessageId {
    MessageId::new(text.as_bytes()).unwrap()
}

fn standing(names: &Names<u64>, from: &str, text: &str) -> Standing {
    names.look(Name { source: &source(from), scope: 0, id: &id(text) })
}

fn store(names: &mut Names<u64>, from: &str, text: &str) {
    names.store(Name { source: &source(from), scope: 0, id: &id(text) }, 7);
}

#[test]
fn a_wild_number_ends_no_source() {
    let wild = u64::MAX.to_string();
    let mut names = Names::new(4);
    for number in ["1", "2", &wild, "3", "4", "5", "6", "7"] {
        assert_eq!(standing(&names, "a", number), Standing::New, "{number}");
        store(&mut names, "a", number);
    }
    assert_eq!(standing(&names, "a", "3"), Standing::TooOld(Seq::new(3)));
    assert_eq!(standing(&names, "a", "8"), Standing::New);
    assert_eq!(standing(&names, "a", &wild), Standing::TooOld(Seq::new(u64::MAX)));
}

#[test]
fn a_first_number_that_ran_wild_ends_no_source() {
    let wild = u64::MAX.to_string();
    let mut names = Names::new(2);
    for number in [&wild, "1", "2", "3", "4"] {
        assert_eq!(standing(&names, "a", number), Standing::New, "{number}");
        store(&mut names, "a", number);
    }
    assert_eq!(standing(&names, "a", "5"), Standing::New);
    assert_eq!(standing(&names, "a", &wild), Standing::TooOld(Seq::new(u64::MAX)));
}

#[test]
fn a_source_may_go_on_from_a_number_far_above() {
    let far = 1_795_000_000_000_000_000_u64;
    let mut names = Names::new(2);
    store(&mut names, "a", "1");
    for number in far..far + 5 {
        assert_eq!(standing(&names, "a", &number.to_string()), Standing::New);
        store(&mut names, "a", &number.to_string());
    }
    assert_eq!(standing(&names, "a", &far.to_string()), Standing::TooOld(Seq::new(far + 2)));
}

#[test]
fn a_name_that_was_taken_back_is_new() {
    let mut names = Names::new(2);
    store(&mut names, "a", "1");
    let Standing::Known(entry) = standing(&names, "a", "1") else { panic!("it was stored") };
    names.withdraw(entry);
    assert_eq!(standing(&names, "a", "1"), Standing::New);
    for number in ["1", "2", "3"] {
        store(&mut names, "a", number);
    }
    assert_eq!(standing(&names, "a", "1"), Standing::TooOld(Seq::new(1)));
}

#[test]
fn scopes_and_sources_are_apart() {
    let mut names = Names::new(9);
    store(&mut names, "a", "1");
    assert_eq!(standing(&names, "b", "1"), Standing::New);
    let other = Name { source: &source("a"), scope: 1, id: &id("1") };
    assert_eq!(names.look(other), Standing::New);
    assert_eq!(standing(&names, "a", "01"), Standing::New, "a text");
}

#[test]
fn sources_are_given_up_when_too_many_have_no_name_left() {
    let mut names = Names::new(1);
    for number in 0..QUIET_SOURCES_MAX + 3 {
        store(&mut names, &format!("s{number}"), "9");
    }
    assert_eq!(standing(&names, "s0", "9"), Standing::New, "nothing is known of it");
    assert_eq!(standing(&names, "s2", "9"), Standing::TooOld(Seq::new(9)));
    assert_eq!(names.sources.find(&source("s1")), None);
}

/// What the memory is to say, from all that was stored.
#[derive(Default)]
struct Model {
    /// None where the name was withdrawn.
    newest: VecDeque<Option<(u8, u32, MessageId)>>,
    known: BTreeSet<(u8, u32, MessageId)>,
    forgotten: BTreeMap<u8, Seq>,
}

impl Model {
    fn standing(&self, from: u8, scope: u32, id: MessageId) -> &'static str {
        let forgotten = self.forgotten.get(&from).copied().unwrap_or_default();
        if self.known.contains(&(from, scope, id)) {
            "known"
        } else if id.number().is_some_and(|number| number <= forgotten) {
            "too old"
        } else {
            "new"
        }
    }

    fn store(&mut self, capacity: usize, name: (u8, u32, MessageId)) {
        let is_full = self.newest.len() == capacity;
        if let Some(oldest) = self.newest.pop_front_if(|_| is_full).flatten() {
            self.known.remove(&oldest);
            let forgotten = self.forgotten.entry(oldest.0).or_default();
            *forgotten = (*forgotten).max(oldest.2.number().unwrap_or_default());
        }
        self.newest.push_back(Some(name));
        self.known.insert(name);
    }

    fn withdraw(&mut self, name: (u8, u32, MessageId)) {
        self.known.remove(&name);
        let stored = self.newest.iter_mut().find(|stored| **stored == Some(name));
        *stored.unwrap() = None;
    }
}

proptest! {
    #[test]
    fn it_remembers_what_a_set_would(
        capacity in 1..20_usize,
        messages in prop::collection::vec(
            (0..3_u8, 0..2_u32, prop_oneof![Just(0), 1..40_u64], 0..4_u8, any::<bool>()),
            1..200,
        ),
    ) {
        let mut names = Names::new(capacity);
        let mut model = Model::default();
        let mut highest = [0; 3];
        for (from, scope, number, kind, withdraws) in messages {
            // Half of the numbers come in order.
            let highest = &mut highest[usize::from(from)];
            let number = if number == 0 { *highest + 1 } else { number };
            *highest = number.max(*highest);
            let is_text = kind == 0;
            let id = id(&if is_text { format!("x{number}") } else { number.to_string() });
            let by = source(["a", "b", "c"][usize::from(from)]);
            let name = Name { source: &by, scope, id: &id };
            let standing = match names.look(name) {
                Standing::New => "new",
                Standing::Known(entry) => {
                    prop_assert_eq!(*names.get(entry), number);
                    if withdraws {
                        names.withdraw(entry);
                        model.withdraw((from, scope, id));
                        prop_assert!(!matches!(names.look(name), Standing::Known(_)));
                        continue;
                    }
                    "known"
                }
                Standing::TooOld(_) => "too old",
            };
            prop_assert_eq!(standing, model.standing(from, scope, id));
            if standing == "new" {
                names.store(name, number);
                model.store(capacity, (from, scope, id));
            }
            let mut bytes = Vec::new();
            names.save(&mut bytes);
            let mut loaded = Names::<u64>::new(capacity);
            let mut cursor = Cursor::new(&bytes);
            loaded.load(&mut cursor).unwrap();
            prop_assert!(cursor.end().is_ok());
            let mut again = Vec::new();
            loaded.save(&mut again);
            prop_assert_eq!(&again, &bytes);
            if kind == 3 {
                names = loaded;
            }
        }
    }
}
