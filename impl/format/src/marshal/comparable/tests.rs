//! Images order as their values do, and values come back from them.

use super::*;
use crate::marshal::arbitrary::{any_pair, any_type};
use proptest::prelude::*;

fn reversed(of: AbstractType) -> AbstractType {
    AbstractType::Reversed(Box::new(of))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn images_order_as_the_values_do((of, left, right) in any_pair()) {
        let images = (of.to_comparable(&left), of.to_comparable(&right));
        prop_assert_eq!(of.compare(&left, &right), images.0.cmp(&images.1), "{} {:?}", of, images);
        let of = reversed(of);
        let images = (of.to_comparable(&left), of.to_comparable(&right));
        prop_assert_eq!(of.compare(&left, &right), images.0.cmp(&images.1), "{} {:?}", of, images);
    }

    #[test]
    fn images_give_the_value_or_one_that_compares_equal((of, value, _) in any_pair()) {
        for of in [of.clone(), reversed(of)] {
            let image = of.to_comparable(&value);
            prop_assert_eq!(&of.clone().into_comparable(value.clone().into()), &image);
            let back = of.from_comparable(&image).expect("an image has a value");
            prop_assert!(of.compare(&back, &value).is_eq(), "{} {:?}", of, back);
            prop_assert_eq!(of.to_comparable(&back), image, "{}", of);
        }
    }

    #[test]
    fn any_bytes_have_an_image_and_come_back(of in any_type(), left: Vec<u8>, right: Vec<u8>) {
        for of in [of.clone(), reversed(of)] {
            let (left_image, right_image) = (of.to_comparable(&left), of.to_comparable(&right));
            let back = of.from_comparable(&left_image).expect("an image has a value");
            prop_assert_eq!(&*of.to_comparable(&back), &*left_image, "{} {:?}", of, back);
            // Never lost: two values share an image only where the type compares them equal.
            if left_image == right_image {
                prop_assert!(of.compare(&left, &right).is_eq(), "{} {:?} {:?}", of, left, right);
            }
        }
    }

    #[test]
    fn no_bytes_are_read_as_an_image_with_a_panic(of in any_type(), image: Vec<u8>) {
        let _value_or_error = of.from_comparable(&image);
        let _value_or_error = reversed(of).from_comparable(&image);
    }

    #[test]
    fn a_cut_or_flipped_image_is_another_value_or_none((of, value, _) in any_pair(), at: prop::sample::Index) {
        let image = of.to_comparable(&value);
        if !image.is_empty() {
            let cut = &image[..at.index(image.len())];
            if let Ok(other) = of.from_comparable(cut) {
                let _image = of.to_comparable(&other);
            }
            let mut flipped = image.clone();
            flipped[at.index(image.len())] ^= 0x55;
            if let Ok(other) = of.from_comparable(&flipped) {
                let _image = of.to_comparable(&other);
            }
        }
    }

    #[test]
    fn only_indistinguishable_values_change((of, value, _) in any_pair()) {
        let changes = |of: &AbstractType| {
            let name = of.to_string();
            ["DecimalType", "IntegerType", "BooleanType", "FloatType", "DoubleType", "TupleType", "UserType"]
                .iter()
                .any(|class| name.contains(class))
        };
        if !changes(&of) {
            prop_assert_eq!(&*of.from_comparable(&of.to_comparable(&value)).unwrap(), &value[..], "{}", of);
        }
    }
}

#[test]
fn ascending_text_is_its_own_image_and_a_prefix_sorts_first() {
    assert_eq!(&*AbstractType::Utf8.to_comparable(b"ab\0c"), b"ab\0c");
    let descending = reversed(AbstractType::Utf8);
    let images = ["b", "ab\0c", "ab\0", "ab", "a", ""].map(|text| descending.to_comparable(text.as_bytes()));
    assert!(images.is_sorted_by(|left, right| left < right), "{images:?}");
}

#[test]
fn numbers_of_one_size_change_their_sign_bit_only() {
    assert_eq!(
        &*AbstractType::Int32.to_comparable(&[0, 0, 0, 7]),
        [0x80, 0, 0, 7]
    );
    assert_eq!(
        &*reversed(AbstractType::Long).to_comparable(&[0xff; 8]),
        [0x80, 0, 0, 0, 0, 0, 0, 0]
    );
    assert!(AbstractType::Int32.to_comparable(&[]).is_empty());
    assert_eq!(&*reversed(AbstractType::Int32).to_comparable(&[]), [0xff; 5]);
}

#[test]
fn values_that_compare_equal_come_back_as_the_one_that_is_documented() {
    let decimal = |scale: i32, unscaled: i64| [&scale.to_be_bytes()[..], &unscaled.to_be_bytes()].concat();
    let back = |of: &AbstractType, value: &[u8]| of.from_comparable(&of.to_comparable(value)).unwrap();
    for (scale, unscaled, expected) in [
        (2, 100, &[0, 0, 0, 0, 1][..]),
        (2, -150, &[0, 0, 0, 1, 0xf1]),
        (0, 100, &[0, 0, 0, 0, 100]),
        (-2, 1, &[0, 0, 0, 0, 100]),
        (-41, 1, &[0xff, 0xff, 0xff, 0xd7, 1]),
        (5, 0, &[0, 0, 0, 0, 0]),
        (i32::MIN, 10, &[0x80, 0, 0, 0, 10]),
        (i32::MAX, 1, &[0x7f, 0xff, 0xff, 0xff, 1]),
    ] {
        let value = decimal(scale, unscaled);
        assert_eq!(
            &*back(&AbstractType::Decimal, &value),
            expected,
            "{unscaled} / 10^{scale}"
        );
    }
    assert_eq!(&*back(&AbstractType::Integer, &[0, 0, 5]), [5]);
    assert_eq!(
        &*back(&AbstractType::Float, &[0xff, 0xff, 0, 1]),
        [0x7f, 0xc0, 0, 0]
    );
    assert_eq!(&*back(&AbstractType::Boolean, &[7]), [1]);
    let tuple = AbstractType::Tuple(vec![AbstractType::Int32, AbstractType::Utf8]);
    assert_eq!(
        &*back(&tuple, &[0, 0, 0, 4, 0, 0, 0, 1]),
        [0, 0, 0, 4, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff]
    );
}
