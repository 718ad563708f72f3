//! The bytes of [`super::HyperLogLogPlus`].

use super::hyper_log_log_plus::{Form, PRECISION, REGISTER_COUNT, SPARSE_PRECISION, is_sparse_code};
use crate::cursor::Cursor;
use crate::error::FormatError;

/// Written first, so that readers know the oldest form, which has a precision there.
const VERSION: i32 = -2;

/// The sparse form.
const SPARSE: u32 = 1;

/// Registers of five bits in a word.
const REGISTERS_PER_WORD: usize = 6;

/// Bits of a register.
const REGISTER_BITS: usize = 5;

/// Words of all registers.
const WORD_COUNT: usize = REGISTER_COUNT / REGISTERS_PER_WORD + 1;

/// Bytes of a word.
const WORD_SIZE_BYTES: usize = 4;

pub(super) fn write(form: &Form, out: &mut Vec<u8>) {
    out.extend_from_slice(&VERSION.to_be_bytes());
    write_leb128(PRECISION, out);
    write_leb128(SPARSE_PRECISION, out);
    match form {
        Form::Sparse { merged: codes, .. } => {
            write_leb128(SPARSE, out);
            write_leb128(u32::try_from(codes.len()).unwrap_or(u32::MAX), out);
            let mut previous = 0;
            for code in codes {
                write_leb128(code.wrapping_sub(previous), out);
                previous = *code;
            }
        }
        Form::Registers(registers) => {
            write_leb128(0, out);
            write_leb128(
                u32::try_from(WORD_COUNT * WORD_SIZE_BYTES).unwrap_or(u32::MAX),
                out,
            );
            for registers in registers.chunks(REGISTERS_PER_WORD) {
                let word = registers.iter().rev().fold(0_u32, |word, register| {
                    word << REGISTER_BITS | u32::from(*register)
                });
                out.extend_from_slice(&word.to_be_bytes());
            }
        }
    }
}

pub(super) fn read(mut cursor: Cursor<'_>) -> Result<Form, FormatError> {
    let offset = cursor.offset();
    let version = cursor.i32("version of a HyperLogLog")?;
    if version != VERSION {
        return Err(FormatError::invalid(
            "version of a HyperLogLog",
            offset,
            "-2",
            &version,
        ));
    }
    for (what, expected, precision) in [
        ("precision of a HyperLogLog", "13", PRECISION),
        ("sparse precision of a HyperLogLog", "25", SPARSE_PRECISION),
    ] {
        let offset = cursor.offset();
        let found = read_leb128(&mut cursor, what)?;
        if found != precision {
            return Err(FormatError::invalid(what, offset, expected, &found));
        }
    }
    let offset = cursor.offset();
    let form = match read_leb128(&mut cursor, "form of a HyperLogLog")? {
        0 => read_registers(&mut cursor)?,
        SPARSE => read_codes(&mut cursor)?,
        other => {
            return Err(FormatError::invalid(
                "form of a HyperLogLog",
                offset,
                "0 or 1",
                &other,
            ));
        }
    };
    if cursor.is_at_end() {
        return Ok(form);
    }
    Err(cursor.invalid(
        "end of a HyperLogLog",
        "no further byte",
        &cursor.remaining().len(),
    ))
}

fn read_codes(cursor: &mut Cursor<'_>) -> Result<Form, FormatError> {
    let count = read_leb128(cursor, "number of codes")?;
    // A code has one byte at least, so that memory is taken for no more than the file has.
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let mut codes: Vec<u32> = Vec::with_capacity(count.min(cursor.remaining().len()));
    let mut previous = 0_u32;
    for _ in 0..count {
        let offset = cursor.offset();
        let code = read_leb128(cursor, "difference of codes")?.wrapping_add(previous);
        if !is_sparse_code(code) {
            return Err(FormatError::invalid(
                "code of a key",
                offset,
                "the code of a hash",
                &code,
            ));
        }
        codes.push(code);
        previous = code;
    }
    Ok(Form::Sparse {
        merged: codes,
        waiting: Vec::new(),
    })
}

fn read_registers(cursor: &mut Cursor<'_>) -> Result<Form, FormatError> {
    let offset = cursor.offset();
    let size = read_leb128(cursor, "size of registers")?;
    if usize::try_from(size).ok() != Some(WORD_COUNT * WORD_SIZE_BYTES) {
        return Err(FormatError::invalid("size of registers", offset, "5464", &size));
    }
    let mut registers = Box::new([0; REGISTER_COUNT]);
    for registers in registers.chunks_mut(REGISTERS_PER_WORD) {
        let offset = cursor.offset();
        let stored = cursor.u32("registers")?;
        let mut word = stored;
        for register in registers {
            *register = u8::try_from(word & 31).unwrap_or_default();
            word >>= REGISTER_BITS;
        }
        if word != 0 {
            return Err(FormatError::invalid(
                "registers",
                offset,
                "five bits each",
                &format_args!("{stored:#x}"),
            ));
        }
    }
    Ok(Form::Registers(registers))
}

/// Seven bits a byte, lowest first; the high bit says that more follow.
fn write_leb128(mut value: u32, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.extend_from_slice(&(value | 0x80).to_be_bytes()[3..]);
        value >>= 7;
    }
    out.extend_from_slice(&value.to_be_bytes()[3..]);
}

fn read_leb128(cursor: &mut Cursor<'_>, what: &'static str) -> Result<u32, FormatError> {
    let offset = cursor.offset();
    let mut value = 0_u64;
    for shift_bits in (0..35).step_by(7) {
        let byte = cursor.u8(what)?;
        value |= u64::from(byte & 0x7f) << shift_bits;
        // A last byte of zero would be a longer form of a shorter number.
        if byte & 0x80 == 0 && (byte != 0 || shift_bits == 0) {
            return u32::try_from(value).map_err(|_| FormatError::invalid(what, offset, "32 bits", &value));
        }
        if byte == 0 {
            break;
        }
    }
    Err(FormatError::invalid(
        what,
        offset,
        "the shortest form of 32 bits",
        &value,
    ))
}
