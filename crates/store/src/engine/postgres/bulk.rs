//! Statements for one row, made into statements for many: a server takes a whole batch of one kind in one go.
//!
//! The values of each place come as an array, and the arrays become rows `v` with the columns `p1`, `p2` ...

use tokio_postgres::types::Type;

/// A statement with the places as the server writes them: `$1` for `?1`, and the next number for a bare `?`.
pub(super) fn single(sql: &str) -> String {
    replaced(sql, |number| format!("${number}"))
}

/// A statement that writes one row, as one that writes many; nothing for one of another kind.
pub(super) fn write(sql: &str, kinds: &[Type]) -> Option<String> {
    let with_columns = replaced(sql, column);
    let rows = rows(kinds, "");
    if sql.starts_with("INSERT INTO") {
        let (head, rest) = with_columns.split_once(" VALUES (")?;
        let (values, tail) = rest.split_once(')')?;
        return Some(format!("{head} SELECT {values} FROM {rows}{tail}"));
    }
    if sql.starts_with("UPDATE") {
        let (head, condition) = with_columns.split_once(" WHERE ")?;
        return Some(format!("{head} FROM {rows} WHERE {condition}"));
    }
    if sql.starts_with("DELETE FROM") {
        let (head, condition) = with_columns.split_once(" WHERE ")?;
        return Some(format!("{head} USING {rows} WHERE {condition}"));
    }
    None
}

/// A statement that finds rows under one key, as one that finds those of many; the last column says whose they are,
/// counted from 1.
pub(super) fn read(sql: &str, kinds: &[Type]) -> String {
    let of_one = replaced(sql, column);
    format!("SELECT x.*, v.n FROM {} CROSS JOIN LATERAL ({of_one}) x", rows(kinds, ", n"))
}

fn column(number: usize) -> String {
    format!("v.p{number}")
}

fn rows(kinds: &[Type], number: &str) -> String {
    let places = (1..=kinds.len()).zip(kinds);
    let arrays: Vec<String> = places.clone().map(|(place, kind)| format!("${place}::{}[]", kind.name())).collect();
    let columns: Vec<String> = places.map(|(place, _)| format!("p{place}")).collect();
    let ordinality = if number.is_empty() { "" } else { " WITH ORDINALITY" };
    format!("unnest({}){ordinality} AS v({}{number})", arrays.join(", "), columns.join(", "))
}

fn replaced(sql: &str, place: impl Fn(usize) -> String) -> String {
    let mut out = String::with_capacity(sql.len() + 32);
    let mut parts = sql.split('?');
    out.extend(parts.next());
    for (bare, part) in (1..).zip(parts) {
        let digits = part.len() - part.trim_start_matches(|letter: char| letter.is_ascii_digit()).len();
        let (number, rest) = part.split_at_checked(digits).unwrap_or(("", part));
        out.push_str(&place(number.parse().unwrap_or(bare)));
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered() {
        assert_eq!(single("a = ?2 AND b = ?1"), "a = $2 AND b = $1");
        assert_eq!(single("a = ? AND b = ? LIMIT ?"), "a = $1 AND b = $2 LIMIT $3");
        assert_eq!(single("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn one_row_becomes_many() {
        let kinds = [Type::BYTEA, Type::INT8];
        assert_eq!(
            write("INSERT INTO t (id, n, s) VALUES (?1, ?2, '0') ON CONFLICT (id) DO NOTHING", &kinds).unwrap(),
            "INSERT INTO t (id, n, s) SELECT v.p1, v.p2, '0' FROM unnest($1::bytea[], $2::int8[]) AS v(p1, p2) \
             ON CONFLICT (id) DO NOTHING"
        );
        assert_eq!(
            write("UPDATE t SET n = ?2 WHERE id = ?1", &kinds).unwrap(),
            "UPDATE t SET n = v.p2 FROM unnest($1::bytea[], $2::int8[]) AS v(p1, p2) WHERE id = v.p1"
        );
        assert_eq!(
            write("DELETE FROM t WHERE id = ?1", &kinds[..1]).unwrap(),
            "DELETE FROM t USING unnest($1::bytea[]) AS v(p1) WHERE id = v.p1"
        );
        assert_eq!(write("TRUNCATE t", &kinds), None);
        assert_eq!(
            read("SELECT n FROM t WHERE id = ?1", &kinds[..1]),
            "SELECT x.*, v.n FROM unnest($1::bytea[]) WITH ORDINALITY AS v(p1, n) \
             CROSS JOIN LATERAL (SELECT n FROM t WHERE id = v.p1) x"
        );
    }
}
