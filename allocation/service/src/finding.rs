//! Finding: what a shard tells the router of a split that it is asked about, as bytes.

use allot_allocation_rules::{Finding, Omitted, Reject};
use allot_domain::{AccountId, Cursor, Reject as Core};
use allot_router::Submission;
use allot_wire::codec::{self, Each};
use allot_wire::{DecodeError, PaddedTicker, Rejection, append_sized};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
enum FindingRecord<'a, O> {
    Applied,
    Refused(&'a str, &'a str),
    Omits(O),
}

#[derive(Serialize, Deserialize)]
struct OmittedRecord<'a, P> {
    account: &'a str,
    tickers: u64,
    positions: P,
}

/// Appends a finding, with its size before it.
pub(crate) fn encode_finding(finding: &Finding, out: &mut Vec<u8>) {
    let reason = match finding {
        Finding::Refused(reject) => reject.to_string(),
        _ => String::new(),
    };
    let record = match finding {
        Finding::Applied => FindingRecord::Applied,
        Finding::Refused(reject) => FindingRecord::Refused(reject.code(), &reason),
        Finding::Omits(omitted) => FindingRecord::Omits(Each(omitted.iter().map(record_of))),
    };
    append_sized(out, |out| codec::append(record, out));
}

fn record_of(omitted: &Omitted) -> OmittedRecord<'_, impl Serialize> {
    let positions = omitted.positions.iter();
    OmittedRecord {
        account: omitted.account.as_str(),
        tickers: u64::try_from(omitted.tickers).expect("a usize fits"),
        positions: Each(positions.map(|(ticker, shares)| (PaddedTicker::from(ticker), *shares))),
    }
}

/// Judges a split by what each shard found of it: it goes to all of them, or to none.
///
/// One that any shard has applied is decided: a router was lost between two shards, and the others
/// apply it too, whatever accounts hold by now, or shards would differ. Else the first reason that
/// any shard has, and at last the holders that are left out over all shards.
pub(crate) fn judge(request: &Submission<'_>, findings: &[&[u8]]) -> Result<(), Rejection> {
    let unread = |error| Rejection::new(request.source, request.seq, &Core::from(error));
    let findings = findings.iter().map(|finding| decode(finding));
    let findings = findings.collect::<Result<Vec<_>, _>>().map_err(unread)?;
    if findings.iter().any(|finding| matches!(finding, FindingRecord::Applied)) {
        return Ok(());
    }
    let mut omitted = Vec::with_capacity(findings.len());
    for finding in findings {
        match finding {
            FindingRecord::Applied => {}
            FindingRecord::Refused(code, reason) => return Err(refused(request, code, reason)),
            FindingRecord::Omits(holders) => omitted.push(holders),
        }
    }
    match Omitted::rejection(&omitted) {
        Some(reject) => Err(Rejection::new(request.source, request.seq, &reject)),
        None => Ok(()),
    }
}

fn refused(request: &Submission<'_>, code: &str, reason: &str) -> Rejection {
    let known = Reject::CODES.iter().find(|known| **known == code);
    let what = || Core::MalformedMessage(format!("a shard refused the split as {code}: {reason}"));
    match known {
        Some(code) => {
            let rejection = Rejection::new(request.source, request.seq, &what());
            Rejection { code, reason: reason.to_owned(), ..rejection }
        }
        None => Rejection::new(request.source, request.seq, &what()),
    }
}

fn decode(finding: &[u8]) -> Result<FindingRecord<'_, Vec<Omitted>>, DecodeError> {
    let mut cursor = Cursor::new(finding);
    let record = cursor.sized()?;
    if !cursor.rest().is_empty() {
        return Err(DecodeError::new("bytes follow a finding"));
    }
    Ok(match codec::decode(record)? {
        FindingRecord::Applied => FindingRecord::Applied,
        FindingRecord::Refused(code, reason) => FindingRecord::Refused(code, reason),
        FindingRecord::Omits(omitted) => {
            let omitted: Vec<OmittedRecord<'_, Vec<(PaddedTicker, u64)>>> = omitted;
            let omitted = omitted.into_iter().map(OmittedRecord::read);
            FindingRecord::Omits(omitted.collect::<Result<_, _>>()?)
        }
    })
}

impl OmittedRecord<'_, Vec<(PaddedTicker, u64)>> {
    fn read(self) -> Result<Omitted, DecodeError> {
        let positions = self.positions.into_iter();
        let positions = positions.map(|(ticker, shares)| Ok((ticker.read()?, shares)));
        let positions = positions.collect::<Result<Vec<_>, Core>>()?;
        let tickers = usize::try_from(self.tickers).unwrap_or(usize::MAX);
        if tickers < positions.len() {
            return Err(DecodeError::new("an account holds fewer tickers than are named"));
        }
        let account = AccountId::new(self.account.as_bytes())?;
        Ok(Omitted { account, tickers, positions })
    }
}

#[cfg(test)]
mod tests {
    use allot_allocation_rules::Input;
    use allot_domain::Seq;

    use super::*;
    use crate::InputName;

    fn bytes(finding: &Finding) -> Vec<u8> {
        let mut out = Vec::new();
        encode_finding(finding, &mut out);
        out
    }

    fn omits(holders: &[(&str, &str, u64)]) -> Finding {
        let omitted = holders.iter().map(|(account, ticker, shares)| Omitted {
            account: AccountId::new(account.as_bytes()).unwrap(),
            tickers: 1,
            positions: vec![(allot_domain::Ticker::new(ticker.as_bytes()).unwrap(), *shares)],
        });
        Finding::Omits(omitted.collect())
    }

    #[track_caller]
    fn check(findings: &[Finding], expected: Result<(), (&str, &str)>) {
        let findings: Vec<_> = findings.iter().map(bytes).collect();
        let findings: Vec<_> = findings.iter().map(Vec::as_slice).collect();
        let (kind, record) = (InputName::Split.kind(), &[][..]);
        let request = Submission { kind, record, source: b"aum", seq: Seq::new(7) };
        let judged = judge(&request, &findings);
        let judged = judged.map_err(|rejection| {
            assert_eq!((rejection.source.as_str(), rejection.seq), ("aum", Seq::new(7)));
            (rejection.code, rejection.reason)
        });
        let judged = judged.as_ref().map_err(|(code, reason)| (*code, reason.as_str()));
        match (judged, expected) {
            (Ok(()), Ok(())) => {}
            (Err((code, reason)), Err((due, part))) if code == due => {
                assert!(reason.contains(part), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn holders_are_named_over_all_shards() {
        let split_omits = "a (5 IBM), b (2 AAPL, 7 XOM)";
        let findings = [omits(&[("b", "XOM", 7)]), omits(&[("a", "IBM", 5), ("b", "AAPL", 2)])];
        check(&findings, Err(("split_omits_holder", split_omits)));
        check(&[omits(&[]), omits(&[])], Ok(()));
    }

    #[test]
    fn a_split_that_any_shard_has_applied_is_decided() {
        let too_old = || Finding::Refused(Core::SequenceTooOld(Seq::new(3)).into());
        let holder = || omits(&[("a", "IBM", 5)]);
        check(&[holder(), Finding::Applied], Ok(()));
        check(&[too_old(), Finding::Applied], Ok(()));
        check(&[holder(), too_old()], Err(("sequence_too_old", "3 of this source")));
    }

    #[test]
    fn what_is_no_finding_goes_to_no_shard() {
        let request = Submission {
            kind: InputName::Split.kind(),
            record: &[],
            source: b"aum",
            seq: Seq::new(7),
        };
        let good = bytes(&omits(&[("a", "IBM", 5)]));
        for len in 0..good.len() {
            let rejection = judge(&request, &[&good[..len]]).unwrap_err();
            assert_eq!(rejection.code, "malformed_message");
        }
    }

    #[test]
    fn every_shard_is_asked_about_the_record_itself() {
        let line: Input = "split aum 2 a=100 closes b".parse().unwrap();
        let Input::Split(split) = line else { panic!("a split") };
        let mut record = Vec::new();
        crate::encode_request(&crate::Request::Split(split.clone()), &mut record);
        let read = crate::decode_input(InputName::Check.kind(), 0, &record);
        assert_eq!(read, Ok(Input::Check(split)));
    }
}
