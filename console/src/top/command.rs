//! A command: `:noun argument /filter`, the one grammar by which one moves in `allot top`.

/// What the lower part of the screen shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum View {
    #[default]
    Accounts,
    Shards,
    Subscribers,
    Counters,
}

impl View {
    /// All of them: the noun, and what the view shows.
    pub(crate) const ALL: &[(Self, &str, &str)] = &[
        (Self::Accounts, "acct", "positions and deviations, of accounts whose id has ID in it"),
        (Self::Shards, "shard", "inputs, queue and times of each shard"),
        (Self::Subscribers, "subs", "subscribers for whom most bytes wait"),
        (Self::Counters, "counters", "what the boxes counted since their start"),
    ];

    /// Its noun.
    pub(crate) fn noun(self) -> &'static str {
        Self::ALL.iter().find(|(view, ..)| *view == self).map_or("", |(_, noun, _)| noun)
    }
}

/// Where somebody is: a view, and what it is narrowed to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place {
    pub(crate) view: View,
    /// A part of an account's id.
    pub(crate) id: String,
    /// A part of a ticker in the view of accounts, elsewhere of any cell.
    pub(crate) filter: String,
}

/// What a command asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Command {
    Go(Place),
    Quit,
}

impl Place {
    /// Reads what follows `:` or, alone, `/`.
    ///
    /// # Errors
    /// A sentence that says what there is.
    pub(crate) fn command(&self, text: &str) -> Result<Command, String> {
        let (words, filter) = match text.split_once('/') {
            Some((words, filter)) => (words, Some(filter.trim().to_owned())),
            None => (text, None),
        };
        let mut words = words.split_whitespace();
        let Some(noun) = words.next() else {
            // A filter alone narrows what is shown.
            let filter = filter.unwrap_or_default();
            return Ok(Command::Go(Self { filter, ..self.clone() }));
        };
        if matches!(noun, "q" | "quit") {
            return Ok(Command::Quit);
        }
        let known = View::ALL.iter().find(|(_, name, _)| *name == noun);
        let Some((view, ..)) = known else {
            let nouns: Vec<_> = View::ALL.iter().map(|(_, noun, _)| format!(":{noun}")).collect();
            return Err(format!("there is no :{noun}; there are {} and :q", nouns.join(", ")));
        };
        let id = words.next().unwrap_or_default().to_owned();
        if !id.is_empty() && *view != View::Accounts {
            return Err(format!(":{noun} takes no {id:?}; narrow it with /{id}"));
        }
        if let Some(word) = words.next() {
            return Err(format!("{word:?} is one word too many; write :acct ID /TICKER"));
        }
        Ok(Command::Go(Self { view: *view, id, filter: filter.unwrap_or_default() }))
    }

    /// Whether something is narrowed.
    pub(crate) const fn is_narrowed(&self) -> bool {
        !self.id.is_empty() || !self.filter.is_empty()
    }

    /// As one would type it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!(":{}", self.view.noun());
        for (sign, part) in [(" ", &self.id), (" /", &self.filter)] {
            if !part.is_empty() {
                text.push_str(sign);
                text.push_str(part);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_leads_to_a_place() {
        let here = Place::default();
        for (text, expected) in [
            ("acct b /AAPL", ":acct b /AAPL"),
            ("acct", ":acct"),
            ("/MSFT", ":acct /MSFT"),
            ("subs /10.0", ":subs /10.0"),
            ("shard", ":shard"),
            ("", ":acct"),
        ] {
            let Ok(Command::Go(place)) = here.command(text) else { panic!("{text}") };
            assert_eq!(place.text(), expected);
        }
        assert_eq!(here.command("q"), Ok(Command::Quit));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let here = Place::default();
        for (text, part) in [
            ("fils", "there is no :fils; there are :acct, :shard, :subs, :counters and :q"),
            ("shard 1", "narrow it with /1"),
            ("acct a b", "one word too many"),
        ] {
            let error = here.command(text).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn a_filter_alone_stays_in_the_view() {
        let here = Place { view: View::Counters, ..Place::default() };
        let Ok(Command::Go(place)) = here.command("/busy") else { panic!() };
        assert_eq!(place.text(), ":counters /busy");
        assert!(place.is_narrowed() && !here.is_narrowed());
    }
}
