use farthing_money::Amount;

/// The largest total that fits, whole units below what is required; found by halving, since a unit may be as small
/// as a seller likes. No more than was signed where none fits.
pub(super) fn largest_part(required: Amount, unit: Amount, signed: Amount, fits: impl Fn(Amount) -> bool) -> Amount {
    let below =
        |units: u128| unit.checked_mul(units).and_then(|less| required.checked_sub(less)).unwrap_or(Amount::ZERO);
    let missing = required.checked_sub(signed).unwrap_or(Amount::ZERO).units();
    let (mut fewest, mut most) = (0, missing.div_ceil(unit.units().max(1)));
    while fewest < most {
        let middle = fewest + (most - fewest) / 2;
        if fits(below(middle)) { most = middle } else { fewest = middle + 1 }
    }
    below(fewest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_of_a_question_that_fits_is_found_whatever_a_unit_is() {
        let amount = |units: u128| Amount::new(units);
        let part = |required: u128, unit: u128, signed: u128, most: u128| {
            largest_part(amount(required), amount(unit), amount(signed), |total| total <= amount(most)).units()
        };
        assert_eq!((part(500, 100, 0, 500), part(500, 100, 0, 499), part(550, 100, 0, 470)), (500, 400, 450));
        assert!(part(500, 100, 300, 250) <= 300, "nothing new fits");
        assert_eq!(part(1 << 100, 1, 0, 12_345), 12_345, "a seller may make a unit as small as it likes");
    }
}
