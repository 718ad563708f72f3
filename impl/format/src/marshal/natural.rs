//! Whole numbers without a limit: as much arithmetic as printing floating point numbers takes.

use core::cmp::Ordering;

/// A number without sign and without a limit: limbs of 32 bits, least significant first.
#[derive(Clone, Debug)]
pub(super) struct Natural(Vec<u32>);

impl Natural {
    /// Five to a power.
    pub(super) fn power_of_five(power: u32) -> Self {
        let mut number = Self(vec![1]);
        for _ in 0..power / 13 {
            number.multiply(1_220_703_125);
        }
        number.multiply(5_u32.pow(power % 13));
        number
    }

    /// Multiplies by a factor.
    pub(super) fn multiply(&mut self, factor: u32) {
        let mut carry = 0;
        for limb in &mut self.0 {
            let product = u64::from(*limb) * u64::from(factor) + carry;
            *limb = low_half(product);
            carry = product >> 32;
        }
        if carry != 0 {
            self.0.push(low_half(carry));
        }
    }

    /// Multiplies by a factor of two limbs.
    pub(super) fn multiply_wide(&mut self, factor: u64) {
        let mut high = self.clone();
        high.multiply(low_half(factor >> 32));
        self.multiply(low_half(factor));
        self.add(&high.shifted(32));
    }

    /// The product with a power of two.
    pub(super) fn shifted(&self, bit_count: u32) -> Self {
        let limb_count = usize::try_from(bit_count / 32).expect("a shift is short");
        let mut limbs = vec![0; limb_count];
        limbs.extend_from_slice(&self.0);
        let mut shifted = Self(limbs);
        shifted.multiply(1 << (bit_count % 32));
        shifted
    }

    /// Adds a number.
    pub(super) fn add(&mut self, other: &Self) {
        let limb_count = self.0.len().max(other.0.len()) + 1;
        self.0.resize(limb_count, 0);
        let mut carry = 0;
        let others = other.0.iter().copied().chain(core::iter::repeat(0));
        for (limb, addend) in self.0.iter_mut().zip(others) {
            let sum = u64::from(*limb) + u64::from(addend) + carry;
            *limb = low_half(sum);
            carry = sum >> 32;
        }
    }

    /// Takes away a number that is not greater.
    pub(super) fn subtract(&mut self, other: &Self) {
        let mut is_borrowed = false;
        let others = other.0.iter().copied().chain(core::iter::repeat(0));
        for (limb, subtrahend) in self.0.iter_mut().zip(others) {
            let (difference, first) = limb.overflowing_sub(subtrahend);
            let (difference, second) = difference.overflowing_sub(u32::from(is_borrowed));
            *limb = difference;
            is_borrowed = first || second;
        }
    }

    /// The order of two numbers.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        let significant =
            |number: &'_ [u32]| number.len() - number.iter().rev().take_while(|limb| **limb == 0).count();
        let (left_count, right_count) = (significant(&self.0), significant(&other.0));
        left_count.cmp(&right_count).then_with(|| {
            let left = self.0.iter().take(left_count).rev();
            left.cmp(other.0.iter().take(right_count).rev())
        })
    }
}

/// The low 32 bits.
pub(super) fn low_half(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).expect("32 bits are kept")
}
