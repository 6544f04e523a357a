//! Columns in memory become JSON, value by value, in the spelling of Spark's `to_json`: timestamps in UTC, decimals with all
//! their digits, bytes in base64, what is no number as text. Null members are written.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Decimal128Type, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{
    Array, BinaryArray, BooleanArray, FixedSizeBinaryArray, PrimitiveArray, StringArray,
};
use arrow_schema::{DataType, TimeUnit};
use st_expr::number::widen;
use st_expr::{Decimal, Type, Value, write_json};
use st_time::Zone;

/// The values of one column of a batch, ready to be written.
pub struct Cells<'a> {
    array: &'a dyn Array,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Boolean(&'a BooleanArray),
    Int8(&'a PrimitiveArray<Int8Type>),
    Int16(&'a PrimitiveArray<Int16Type>),
    Int32(&'a PrimitiveArray<Int32Type>),
    Int64(&'a PrimitiveArray<Int64Type>),
    UInt8(&'a PrimitiveArray<UInt8Type>),
    UInt16(&'a PrimitiveArray<UInt16Type>),
    UInt32(&'a PrimitiveArray<UInt32Type>),
    UInt64(&'a PrimitiveArray<UInt64Type>),
    Float16(&'a PrimitiveArray<Float16Type>),
    Float32(&'a PrimitiveArray<Float32Type>),
    /// Floats declared as doubles.
    Widened(&'a PrimitiveArray<Float32Type>),
    Float64(&'a PrimitiveArray<Float64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, u8),
    Text(&'a StringArray),
    /// Text declared as bytes.
    TextBytes(&'a StringArray),
    Bytes(&'a BinaryArray),
    /// Bytes declared as text.
    BytesText(&'a BinaryArray),
    Fixed(&'a FixedSizeBinaryArray),
    Date(&'a PrimitiveArray<Date32Type>),
    /// Instants, or local times where there is no zone.
    Timestamp(Stamps<'a>, bool),
    Time(Stamps<'a>),
    List(Offsets<'a>, Box<Cells<'a>>),
    Struct(Vec<(Vec<u8>, Cells<'a>)>),
    Map(&'a [i32], Box<Cells<'a>>, Box<Cells<'a>>),
}

/// Numbers of a unit of time, and how many microseconds they are: `value * times / parts`.
struct Stamps<'a> {
    values: &'a [i64],
    narrow: &'a [i32],
    times: i64,
    parts: i64,
}

enum Offsets<'a> {
    Small(&'a [i32]),
    Large(&'a [i64]),
}

/// Offsets are never negative.
fn usize_of(offset: impl TryInto<usize>) -> usize {
    offset.try_into().unwrap_or(0)
}

impl Offsets<'_> {
    fn range(&self, row: usize) -> std::ops::Range<usize> {
        match self {
            Offsets::Small(offsets) => usize_of(offsets[row])..usize_of(offsets[row + 1]),
            Offsets::Large(offsets) => usize_of(offsets[row])..usize_of(offsets[row + 1]),
        }
    }
}

impl Stamps<'_> {
    fn micros(&self, row: usize) -> i64 {
        let value = match self.narrow {
            [] => self.values[row],
            narrow => i64::from(narrow[row]),
        };
        value.saturating_mul(self.times).div_euclid(self.parts)
    }
}

fn stamps(values: &[i64], unit: TimeUnit) -> Stamps<'_> {
    let (times, parts) = match unit {
        TimeUnit::Second => (1_000_000, 1),
        TimeUnit::Millisecond => (1000, 1),
        TimeUnit::Microsecond => (1, 1),
        TimeUnit::Nanosecond => (1, 1000),
    };
    Stamps {
        values,
        narrow: &[],
        times,
        parts,
    }
}

impl<'a> Cells<'a> {
    /// The values of an array whose type [`super::types::kind`] knows; `declared` where the schema says more.
    pub fn of(array: &'a dyn Array, declared: Option<&Type>) -> Cells<'a> {
        Cells {
            array,
            values: values(array, declared),
        }
    }

    /// Appends the value of a row.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) {
        if self.array.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        let double = |out: &mut Vec<u8>, x: f64| write_json(out, &Value::Double(x), Zone::UTC);
        let integer = |out: &mut Vec<u8>, x: i64| st_row::write_i64(out, x);
        let value = |out: &mut Vec<u8>, x: Value<'_>| write_json(out, &x, Zone::UTC);
        match &self.values {
            Values::Null => out.extend_from_slice(b"null"),
            Values::Boolean(x) => {
                out.extend_from_slice(if x.value(row) { b"true" } else { b"false" })
            }
            Values::Int8(x) => integer(out, x.value(row).into()),
            Values::Int16(x) => integer(out, x.value(row).into()),
            Values::Int32(x) => integer(out, x.value(row).into()),
            Values::Int64(x) => integer(out, x.value(row)),
            Values::UInt8(x) => integer(out, x.value(row).into()),
            Values::UInt16(x) => integer(out, x.value(row).into()),
            Values::UInt32(x) => integer(out, x.value(row).into()),
            Values::UInt64(x) => {
                let unscaled = i128::from(x.value(row));
                value(out, Value::Decimal(Decimal { unscaled, scale: 0 }));
            }
            Values::Float16(x) => double(out, widen(x.value(row).to_f32())),
            Values::Float32(x) => double(out, widen(x.value(row))),
            Values::Widened(x) => double(out, f64::from(x.value(row))),
            Values::Float64(x) => double(out, x.value(row)),
            Values::Decimal(x, scale) => {
                let (unscaled, scale) = (x.value(row), *scale);
                value(out, Value::Decimal(Decimal { unscaled, scale }));
            }
            Values::Text(x) => st_row::write_string(out, x.value(row)),
            Values::TextBytes(x) => value(out, Value::Binary(x.value(row).as_bytes().into())),
            Values::Bytes(x) => value(out, Value::Binary(x.value(row).into())),
            Values::BytesText(x) => {
                st_row::write_string(out, &String::from_utf8_lossy(x.value(row)))
            }
            Values::Fixed(x) => value(out, Value::Binary(x.value(row).into())),
            Values::Date(x) => value(out, Value::Date(x.value(row))),
            Values::Timestamp(x, is_instant) => {
                value(out, Value::Timestamp(x.micros(row)));
                if !is_instant {
                    // `…Z"` without the zone.
                    out.truncate(out.len() - 2);
                    out.push(b'"');
                }
            }
            Values::Time(x) => time(out, x.micros(row)),
            Values::List(offsets, elements) => {
                out.push(b'[');
                let range = offsets.range(row);
                for at in range.clone() {
                    if at > range.start {
                        out.push(b',');
                    }
                    elements.write(at, out);
                }
                out.push(b']');
            }
            Values::Struct(members) => {
                for (prefix, member) in members {
                    out.extend_from_slice(prefix);
                    member.write(row, out);
                }
                out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
            }
            Values::Map(offsets, keys, entries) => {
                out.push(b'{');
                let range = usize_of(offsets[row])..usize_of(offsets[row + 1]);
                for at in range.clone() {
                    if at > range.start {
                        out.push(b',');
                    }
                    let start = out.len();
                    keys.write(at, out);
                    if out.get(start) != Some(&b'"') {
                        let text = String::from_utf8_lossy(&out[start..]).into_owned();
                        out.truncate(start);
                        st_row::write_string(out, &text);
                    }
                    out.push(b':');
                    entries.write(at, out);
                }
                out.push(b'}');
            }
        }
    }
}

fn values<'a>(array: &'a dyn Array, declared: Option<&Type>) -> Values<'a> {
    match array.data_type() {
        DataType::Boolean => Values::Boolean(array.as_boolean()),
        DataType::Int8 => Values::Int8(array.as_primitive()),
        DataType::Int16 => Values::Int16(array.as_primitive()),
        DataType::Int32 => Values::Int32(array.as_primitive()),
        DataType::Int64 => Values::Int64(array.as_primitive()),
        DataType::UInt8 => Values::UInt8(array.as_primitive()),
        DataType::UInt16 => Values::UInt16(array.as_primitive()),
        DataType::UInt32 => Values::UInt32(array.as_primitive()),
        DataType::UInt64 => Values::UInt64(array.as_primitive()),
        DataType::Float16 => Values::Float16(array.as_primitive()),
        DataType::Float32 if declared == Some(&Type::Double) => {
            Values::Widened(array.as_primitive())
        }
        DataType::Float32 => Values::Float32(array.as_primitive()),
        DataType::Float64 => Values::Float64(array.as_primitive()),
        DataType::Decimal128(_, scale) => {
            Values::Decimal(array.as_primitive(), u8::try_from(*scale).unwrap_or(0))
        }
        DataType::Utf8 if declared == Some(&Type::Binary) => Values::TextBytes(array.as_string()),
        DataType::Utf8 => Values::Text(array.as_string()),
        DataType::Binary if declared == Some(&Type::String) => Values::BytesText(array.as_binary()),
        DataType::Binary => Values::Bytes(array.as_binary()),
        DataType::FixedSizeBinary(_) => Values::Fixed(array.as_fixed_size_binary()),
        DataType::Date32 => Values::Date(array.as_primitive()),
        DataType::Timestamp(unit, zone) => {
            let values = match unit {
                TimeUnit::Second => &array.as_primitive::<TimestampSecondType>().values()[..],
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().values(),
                TimeUnit::Microsecond => array.as_primitive::<TimestampMicrosecondType>().values(),
                TimeUnit::Nanosecond => array.as_primitive::<TimestampNanosecondType>().values(),
            };
            Values::Timestamp(stamps(values, *unit), zone.is_some())
        }
        DataType::Time64(TimeUnit::Microsecond) => Values::Time(stamps(
            array.as_primitive::<Time64MicrosecondType>().values(),
            TimeUnit::Microsecond,
        )),
        DataType::Time64(_) => Values::Time(stamps(
            array.as_primitive::<Time64NanosecondType>().values(),
            TimeUnit::Nanosecond,
        )),
        DataType::Time32(unit) => {
            let narrow = match unit {
                TimeUnit::Second => &array.as_primitive::<Time32SecondType>().values()[..],
                _ => array.as_primitive::<Time32MillisecondType>().values(),
            };
            let unit = stamps(&[], *unit);
            Values::Time(Stamps { narrow, ..unit })
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            let element = declared.map(Type::element);
            let elements = Cells::of(list.values().as_ref(), element);
            Values::List(Offsets::Small(list.value_offsets()), Box::new(elements))
        }
        DataType::LargeList(_) => {
            let list = array.as_list::<i64>();
            let element = declared.map(Type::element);
            let elements = Cells::of(list.values().as_ref(), element);
            Values::List(Offsets::Large(list.value_offsets()), Box::new(elements))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let members = fields.iter().zip(columns).enumerate();
            let members = members.map(|(index, (field, column))| {
                let declared = match declared {
                    Some(Type::Struct(known)) => known.iter().find(|x| x.name == *field.name()),
                    _ => None,
                };
                let cells = Cells::of(column.as_ref(), declared.map(|field| &field.kind));
                (prefix(index, field.name()), cells)
            });
            Values::Struct(members.collect())
        }
        DataType::Map(_, _) => {
            let map = array.as_map();
            let (key, value) = match declared {
                Some(Type::Map(key, value)) => (Some(&**key), Some(&**value)),
                _ => (None, None),
            };
            Values::Map(
                map.value_offsets(),
                Box::new(Cells::of(map.keys().as_ref(), key)),
                Box::new(Cells::of(map.values().as_ref(), value)),
            )
        }
        _ => Values::Null,
    }
}

/// What stands before the value of a member: `{"name":` for the first, `,"name":` for the others.
pub fn prefix(index: usize, name: &str) -> Vec<u8> {
    let mut prefix = vec![if index == 0 { b'{' } else { b',' }];
    st_row::write_string(&mut prefix, name);
    prefix.push(b':');
    prefix
}

/// Appends a time of day, `13:55:36.5`.
fn time(out: &mut Vec<u8>, micros: i64) {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let mut text = format!(
        "\"{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    if fraction > 0 {
        let digits = format!(".{fraction:06}");
        text.push_str(digits.trim_end_matches('0'));
    }
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
