package consumer

import "github.com/bearerkit/bearerkit/internal/compact"

// isAbsent reports whether v, the value of the member at this place, counts as absent, and records the deviation. It is not
// called for members whose presence alone matters: crit, b64, alg, iss, exp, cnf, and the claims that only other kinds of
// token have.
func (d *deviations) isAbsent(at place, v compact.Value, empty ...compact.Kind) bool {
	if !v.IsAbsent(empty...) {
		return false
	}
	if v.Kind() == compact.KindNull {
		*d |= isNull(at)
	} else {
		*d |= isEmpty(at)
	}
	return true
}
