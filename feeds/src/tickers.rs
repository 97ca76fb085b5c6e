//! Tickers: what the random fill servers trade.

use allot_domain::Ticker;

use crate::FeedError;

/// The ten stocks of the brief: well-known names, in byte order.
pub const TICKERS: [&str; 10] =
    ["AAPL", "AMZN", "BRK.B", "GOOG", "JPM", "META", "MSFT", "NVDA", "TSLA", "XOM"];

/// Reads a list such as `AAPL,MSFT,BRK.B`.
///
/// # Errors
/// [`FeedError::Setting`]: an empty list, text that is not a ticker, or a ticker twice.
pub fn parse_tickers(list: &str) -> Result<Vec<Ticker>, FeedError> {
    let invalid = |why: String| FeedError::setting("list of tickers", list, why);
    let mut tickers = Vec::new();
    for text in list.split(',').map(str::trim) {
        let ticker = Ticker::new(text.as_bytes()).map_err(|reject| invalid(reject.to_string()))?;
        if tickers.contains(&ticker) {
            return Err(invalid(format!("{ticker} is listed twice")));
        }
        tickers.push(ticker);
    }
    Ok(tickers)
}

/// The tickers of [`TICKERS`].
pub(crate) fn default_tickers() -> Vec<Ticker> {
    let ticker =
        |text: &str| Ticker::new(text.as_bytes()).expect("every text of the list is a ticker");
    TICKERS.iter().copied().map(ticker).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_of_different_tickers() {
        assert_eq!(parse_tickers(&TICKERS.join(", ")).unwrap(), default_tickers());
        for (list, what) in [
            ("", "a ticker must be 1 to 32"),
            ("AAPL,,MSFT", "a ticker must be 1 to 32"),
            ("AAPL,A\tB", "it was \"A\\tB\""),
            ("AAPL,MSFT,AAPL", "AAPL is listed twice"),
        ] {
            let error = parse_tickers(list).unwrap_err().to_string();
            assert!(error.contains(what), "{list}: {error}");
        }
    }
}
