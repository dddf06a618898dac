use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;

fn encoded<T: Serialize + ?Sized>(value: &T) -> Option<String> {
    let mut text = Vec::new();
    let attachments = value.encode(&mut text)?;
    assert!(attachments.is_empty());
    Some(String::from_utf8(text).unwrap())
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Pair(u8, &'static str);

#[derive(Serialize)]
struct Flat {
    #[serde(flatten)]
    inner: BTreeMap<&'static str, i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Plain,
    Holding(Option<bool>),
    Several(u64, char),
    Named { first: f64, second: () },
}

#[derive(Serialize)]
struct Everything<'a> {
    unit: Unit,
    pair: Pair,
    flat: Flat,
    kinds: Vec<Kind>,
    numbers: (i8, i16, i32, i64, u8, u16, u32, u64),
    large: (i128, u128, f32, f64, f64),
    by_number: BTreeMap<i64, ()>,
    by_flag: BTreeMap<bool, [u8; 0]>,
    raw: &'a RawValue,
    boxed: Option<Box<RawValue>>,
    address: std::net::IpAddr,
    text: std::fmt::Arguments<'a>,
}

#[test]
fn whatever_is_described_is_written_as_serde_json_writes_it() {
    let raw: &RawValue = serde_json::from_str(r#"{ "a" : 1.50e2,"a":"\u0041" }"#).unwrap();
    let everything = Everything {
        unit: Unit,
        pair: Pair(255, "\"\\\u{7}"),
        flat: Flat {
            inner: BTreeMap::from([("b", -1), ("a\n", 2)]),
            left_out: None,
        },
        kinds: vec![
            Kind::Plain,
            Kind::Holding(Some(true)),
            Kind::Several(u64::MAX, '"'),
            Kind::Named {
                first: 1.0,
                second: (),
            },
        ],
        numbers: (-1, i16::MIN, 0, i64::MIN, 255, 1, 2, u64::MAX),
        large: (i128::MIN, u128::MAX, 0.1, f64::NAN, -0.0),
        by_number: BTreeMap::from([(-7, ()), (7, ())]),
        by_flag: BTreeMap::from([(true, [])]),
        raw,
        boxed: Some(raw.to_owned()),
        address: [127, 0, 0, 1].into(),
        text: format_args!("{}", 1),
    };
    assert_eq!(
        encoded(&everything),
        serde_json::to_string(&everything).ok()
    );
    for empty in [r"[]", r"{}", r#"[{},[],""]"#, r#"{"":{}}"#] {
        let value: Value = serde_json::from_str(empty).unwrap();
        assert_eq!(encoded(&value).as_deref(), Some(empty));
    }
}

#[test]
fn what_serde_json_does_not_write_is_not_written() {
    assert_eq!(encoded(&BTreeMap::from([(vec![1], 1)])), None);
    assert_eq!(
        encoded(&BTreeMap::from([(BTreeMap::from([(1, 1)]), 1)])),
        None
    );
    assert_eq!(encoded("a\u{0}"), Some(r#""a\u0000""#.to_owned()));
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,8}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_value_is_written_as_serde_json_writes_it(value in values()) {
        prop_assert_eq!(encoded(&value), serde_json::to_string(&value).ok());
    }
}
