//! Journal bar: how far journals are read, on the stderr of a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar at zero; what is read adds its bytes.
pub(crate) fn journal_bar() -> ProgressBar {
    let template = "{bar:30} {percent:>3} %  {bytes} of {total_bytes}  {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is well formed");
    ProgressBar::new(0).with_style(style)
}
