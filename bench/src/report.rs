//! Sections of figures: tables for people, JSON for programs.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde_json::{Map, Value, json};

/// One table.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// As `--only` names it; in JSON, with every row.
    pub(crate) name: &'static str,
    /// What is shown.
    pub(crate) title: String,
    /// How to take the figures.
    pub(crate) notes: Vec<String>,
    /// The headings, with units.
    pub(crate) columns: Vec<&'static str>,
    /// A cell for each column.
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    /// A name.
    Text(String),
    /// A number, shown with so many decimals.
    Number { value: f64, decimals: usize },
    /// A number that should be no higher than the goal.
    Judged { value: f64, decimals: usize, goal: f64 },
    /// Why there is none.
    Missing(&'static str),
}

impl Cell {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) const fn number(value: f64, decimals: usize) -> Self {
        Self::Number { value, decimals }
    }

    pub(crate) fn count(value: impl TryInto<u32>) -> Self {
        Self::Number { value: value.try_into().map_or(f64::INFINITY, f64::from), decimals: 0 }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Judged { value, decimals, goal } if value > goal => format!("! {value:.decimals$}"),
            Self::Number { value, decimals } | Self::Judged { value, decimals, .. } => format!("{value:.decimals$}"),
            Self::Missing(why) => format!("– ({why})"),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number { value, .. } | Self::Judged { value, .. } => json!(value),
            Self::Missing(_) => Value::Null,
        }
    }
}

impl Section {
    /// The table under its title, figures to the right.
    pub(crate) fn shown(&self) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_header(&self.columns);
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::shown));
        }
        for (place, column) in table.column_iter_mut().enumerate() {
            let is_text = self.rows.iter().all(|row| matches!(row.get(place), Some(Cell::Text(_))));
            column.set_cell_alignment(if is_text { CellAlignment::Left } else { CellAlignment::Right });
        }
        let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
        format!("{}\n  {}\n\n{}\n", self.title, self.notes.join("\n  "), lines.join("\n"))
    }

    /// An object a row, its figures under their headings.
    pub(crate) fn json(&self) -> Value {
        let row = |cells: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.json()));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        json!({"section": self.name, "title": self.title, "rows": self.rows.iter().map(row).collect::<Vec<_>>()})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_to_the_right_and_what_misses_its_goal_is_marked() {
        let judged = |value| Cell::Judged { value, decimals: 1, goal: 15.0 };
        let section = Section {
            name: "functions",
            title: "Functions".to_owned(),
            notes: vec!["On this machine.".to_owned()],
            columns: vec!["function", "init [ms]"],
            rows: vec![
                vec![Cell::text("rank"), judged(9.94)],
                vec![Cell::text("get-rank"), judged(15.06)],
                vec![Cell::text("undo"), Cell::Missing("not built")],
            ],
        };
        let expected = "\
Functions
  On this machine.

 function      init [ms]
 rank                9.9
 get-rank         ! 15.1
 undo      – (not built)
";
        assert_eq!(section.shown(), expected);
        assert_eq!(section.json()["rows"][1], json!({"function": "get-rank", "init [ms]": 15.06}));
        assert_eq!(section.json()["rows"][2]["init [ms]"], Value::Null);
    }
}
