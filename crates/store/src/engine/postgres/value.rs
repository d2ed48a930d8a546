//! Values to and from the server.

use std::error::Error;

use rusqlite::types::{Value, ValueRef};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

type Fault = Box<dyn Error + Sync + Send>;

/// A column of a row.
pub(crate) struct Column<'a>(pub(crate) ValueRef<'a>);

impl<'a> FromSql<'a> for Column<'a> {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Fault> {
        let whole = match *kind {
            Type::BOOL => i64::from(bool::from_sql(kind, raw)?),
            Type::INT2 => i64::from(i16::from_sql(kind, raw)?),
            Type::INT4 => i64::from(i32::from_sql(kind, raw)?),
            Type::INT8 => i64::from_sql(kind, raw)?,
            Type::BYTEA => return Ok(Self(ValueRef::Blob(raw))),
            _ => return Ok(Self(ValueRef::Text(raw))),
        };
        Ok(Self(ValueRef::Integer(whole)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Fault> {
        Ok(Self(ValueRef::Null))
    }

    fn accepts(kind: &Type) -> bool {
        is_known(kind)
    }
}

/// A value for a place in a statement.
#[derive(Debug)]
pub(crate) struct Given<'a>(pub(crate) &'a Value);

impl ToSql for Given<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Fault> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Integer(whole) => match *kind {
                Type::BOOL => (*whole != 0).to_sql(kind, out),
                Type::INT2 => i16::try_from(*whole)?.to_sql(kind, out),
                Type::INT4 => i32::try_from(*whole)?.to_sql(kind, out),
                _ => whole.to_sql(kind, out),
            },
            // The one character that the server cannot hold.
            Value::Text(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").to_sql(kind, out),
            Value::Text(text) => text.to_sql(kind, out),
            Value::Blob(bytes) => bytes.to_sql(kind, out),
            Value::Real(_) => Err("no column holds a fraction".into()),
        }
    }

    fn accepts(kind: &Type) -> bool {
        is_known(kind)
    }

    to_sql_checked!();
}

fn is_known(kind: &Type) -> bool {
    matches!(
        *kind,
        Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::BYTEA | Type::TEXT | Type::VARCHAR | Type::NAME
    )
}
