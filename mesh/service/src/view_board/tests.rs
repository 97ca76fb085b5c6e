//! Who is told what of members that come and go.

use super::*;

fn name(text: &str) -> StrategyName {
    StrategyName::new(text.as_bytes()).unwrap()
}

fn states(board: &ViewBoard) -> Vec<(String, MemberChange)> {
    let members = board.take().members;
    members.into_iter().map(|(name, change)| (name.to_string(), change)).collect()
}

#[test]
fn nobody_is_told_that_a_name_is_forgotten_that_nobody_was_told_of() {
    let board = ViewBoard::new(&Waker::silent());
    let away = || MemberChange::Away(Unix::new(1));
    board.change_member(name("A"), away());
    assert_eq!(states(&board), [("A".to_owned(), away())]);
    for number in 0..10_000 {
        let invented = name(&format!("x{number}"));
        board.change_member(invented, away());
        board.change_member(invented, MemberChange::Forgotten);
    }
    board.change_member(name("A"), MemberChange::Forgotten);
    assert_eq!(states(&board), [("A".to_owned(), MemberChange::Forgotten)]);
    board.change_member(name("A"), away());
    board.change_member(name("A"), MemberChange::Forgotten);
    assert_eq!(states(&board), []);
}
