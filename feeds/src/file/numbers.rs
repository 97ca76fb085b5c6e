//! Numbers as files write them, made into the plain decimals that the wire has.
//!
//! `1.000` is one share or a thousand. So the decimals of a quantity are read only where the format
//! states its decimal sign; a price without one has a point.

use std::fmt;

use super::format::Format;

/// Why a text is not a number of its format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberError {
    /// The point or the comma of a quantity may group its digits, and nothing says whether it does.
    Ambiguous {
        /// Which of the two.
        sign: char,
    },
    /// It has a point or a comma, and nothing says what that is.
    Unstated {
        /// Which of the two.
        sign: char,
    },
    /// The thousands sign does not stand before each group of three digits.
    Groups,
    /// A negative quantity, where the sign has no meaning.
    Negative,
}

/// A number as its format writes it.
pub(super) struct Number {
    /// Whether it has a minus.
    pub(super) is_negative: bool,
    /// Its digits and a point, without a sign.
    pub(super) plain: String,
}

/// Reads a price.
pub(super) fn price(format: &Format, text: &str) -> Result<Number, NumberError> {
    let (is_negative, text) = unsigned(format, text);
    Ok(Number { is_negative, plain: plain(format, text)? })
}

/// Reads a quantity.
pub(super) fn quantity(format: &Format, text: &str) -> Result<Number, NumberError> {
    let (is_negative, text) = unsigned(format, text);
    let is_unstated = |sign: &char| format.thousands != Some(*sign) && text.contains(*sign);
    if format.decimal.is_none()
        && let Some(sign) = ['.', ','].into_iter().find(is_unstated)
    {
        let may_group = ungrouped(text, sign).is_ok();
        return Err(match may_group {
            true => NumberError::Ambiguous { sign },
            false => NumberError::Unstated { sign },
        });
    }
    if is_negative && !format.signed_quantity {
        return Err(NumberError::Negative);
    }
    Ok(Number { is_negative, plain: plain(format, text)? })
}

/// Whether it has a minus, and the rest: a currency sign may stand before the minus, after it, or
/// at the end.
fn unsigned<'a>(format: &Format, text: &'a str) -> (bool, &'a str) {
    let strip_before = |text: &'a str| {
        let mut signs = format.currency_signs.iter();
        signs.find_map(|sign| text.strip_prefix(sign.as_str())).unwrap_or(text).trim()
    };
    let strip_after = |text: &'a str| {
        let mut signs = format.currency_signs.iter();
        signs.find_map(|sign| text.strip_suffix(sign.as_str())).unwrap_or(text).trim()
    };
    let text = strip_before(text.trim());
    let has_signs = format.signed_quantity || format.signed_price;
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(rest), _) => (true, strip_after(strip_before(rest))),
        (_, Some(rest)) if has_signs => (false, strip_after(strip_before(rest))),
        _ => (false, strip_after(text)),
    }
}

/// The digits without thousands signs and with a point. What is no number stays none.
fn plain(format: &Format, text: &str) -> Result<String, NumberError> {
    let decimal = format.decimal.unwrap_or('.');
    if decimal != ',' && format.thousands != Some(',') && text.contains(',') {
        return Err(NumberError::Unstated { sign: ',' });
    }
    let (whole, fraction) = match text.split_once(decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    // A point that is not the decimal sign must not become one.
    if decimal != '.' && format.thousands != Some('.') && text.contains('.') {
        return Err(NumberError::Groups);
    }
    let whole = match format.thousands {
        Some(sign) if whole.contains(sign) => ungrouped(whole, sign)?,
        _ => whole.to_owned(),
    };
    if let (Some(fraction), Some(sign)) = (fraction, format.thousands)
        && fraction.contains(sign)
    {
        return Err(NumberError::Groups);
    }
    Ok(fraction.map_or(whole.clone(), |fraction| format!("{whole}.{fraction}")))
}

fn ungrouped(whole: &str, sign: char) -> Result<String, NumberError> {
    let groups: Vec<_> = whole.split(sign).collect();
    let is_first = |group: &str| (1..=3).contains(&group.len());
    let (first, others) = groups.split_first().expect("a split has a part");
    let are_groups = is_first(first) && others.iter().all(|group| group.len() == 3);
    if are_groups { Ok(groups.concat()) } else { Err(NumberError::Groups) }
}

impl NumberError {
    /// The sentence for the field and the text that it is about.
    pub(super) fn sentence(
        self,
        f: &mut fmt::Formatter<'_>,
        field: &str,
        text: &str,
    ) -> fmt::Result {
        match self {
            Self::Ambiguous { sign } => write!(
                f,
                "the {field} {text} may be one number or a thousand times it; say what its sign \
                 is, with {}",
                flags(sign)
            ),
            Self::Unstated { sign } => {
                let name = if sign == ',' { "comma" } else { "point" };
                let flags = flags(sign);
                write!(f, "the {field} {text} has a {name}; say what that is, with {flags}")
            }
            Self::Groups => write!(
                f,
                "the {field} {text} is no number with the decimal and thousands signs of the \
                 format"
            ),
            Self::Negative => write!(
                f,
                "the {field} {text} is negative; if that means a sale, say so with \
                 --signed-quantity"
            ),
        }
    }
}

/// The flags that say what a sign is. A point between thousands needs another decimal sign.
const fn flags(sign: char) -> &'static str {
    match sign {
        ',' => "--decimal ',' or --thousands ','",
        _ => "--decimal '.', or --decimal ',' --thousands '.'",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(decimal: Option<char>, thousands: Option<char>) -> Format {
        let currency_signs = vec!["$".to_owned(), "EUR".to_owned()];
        Format { decimal, thousands, currency_signs, signed_quantity: true, ..Format::default() }
    }

    fn shown(number: Result<Number, NumberError>) -> String {
        match number {
            Ok(Number { is_negative, plain }) => {
                format!("{}{plain}", if is_negative { "-" } else { "" })
            }
            Err(NumberError::Ambiguous { .. }) => "Ambiguous".to_owned(),
            Err(NumberError::Unstated { sign: ',' }) => "Comma".to_owned(),
            Err(NumberError::Unstated { sign }) => sign.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn a_price_is_read_by_the_signs_of_its_format() {
        for (decimal, thousands, text, expected) in [
            (None, None, "187.23", "187.23"),
            (None, None, "1.234", "1.234"),
            (None, None, "210,10", "Comma"),
            (None, Some(','), "15,000.00", "15000.00"),
            (None, Some(','), "15,00.00", "Groups"),
            (None, Some(','), "1,234,567", "1234567"),
            (Some('.'), Some(','), "1.5,000", "Groups"),
            (Some(','), Some('.'), "1.234,50", "1234.50"),
            (Some(','), Some('.'), "1.23", "Groups"),
            (Some(','), None, "1.23", "Groups"),
            (Some(','), Some('\''), "1'234,5", "1234.5"),
            (Some(','), Some('\u{a0}'), "1\u{a0}234,5", "1234.5"),
            (Some('.'), None, "1,234.5", "Comma"),
            (Some('.'), None, "$187.23", "187.23"),
            (Some('.'), None, "-$187.23", "-187.23"),
            (Some('.'), None, "+187.23", "187.23"),
            (Some('.'), None, "$ -187.23", "-187.23"),
            (Some('.'), None, "187.23 EUR", "187.23"),
            (Some('.'), None, "1e3", "1e3"),
            (Some('.'), None, "", ""),
        ] {
            let given = price(&format(decimal, thousands), text);
            assert_eq!(shown(given), expected, "{decimal:?} {thousands:?} {text}");
        }
    }

    #[test]
    fn the_decimals_of_a_quantity_are_read_only_where_the_sign_is_stated() {
        for (decimal, thousands, text, expected) in [
            (None, None, "1000", "1000"),
            (None, None, "1.000", "Ambiguous"),
            (None, None, "1,000", "Ambiguous"),
            (None, None, "100.5", "."),
            (None, None, "1000.000", "."),
            (None, None, "12,5", "Comma"),
            (None, Some(','), "1,000", "1000"),
            (None, Some(','), "1.000", "Ambiguous"),
            (Some('.'), None, "1.000", "1.000"),
            (Some('.'), None, "1,000", "Comma"),
            (Some(','), Some('.'), "1.000", "1000"),
            (Some(','), Some('.'), "-1.000,00", "-1000.00"),
            (Some(','), Some('.'), "1.200,5", "1200.5"),
        ] {
            let given = quantity(&format(decimal, thousands), text);
            assert_eq!(shown(given), expected, "{decimal:?} {thousands:?} {text}");
        }
        let unsigned = Format::default();
        assert_eq!(shown(quantity(&unsigned, "-5")), "Negative");
    }
}
