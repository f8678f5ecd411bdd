package seal

import "context"

// Sealer encrypts values. [Keyring] implements it with keys in memory. Implement it yourself to use a key management service
// for each value. Implementations must be safe for concurrent use.
//
// If the keys may be in the memory of the program, you do not need your own implementation: let the service decrypt the keys when the
// program starts, and pass them to [New].
type Sealer interface {
	// Seal encrypts plaintext and authenticates binding, which is not part of the result. plaintext may be empty. The result
	// must not contain a part of plaintext, and Seal must not keep or change its arguments.
	Seal(ctx context.Context, plaintext, binding []byte) (sealed []byte, err error)

	// Open returns the plaintext of a sealed value. The binding must equal the one that was passed to Seal. The error must match
	//   - [ErrDamaged] if the value was changed or has another binding,
	//   - [ErrNotSealed] if it is not a sealed value,
	//   - [ErrUnknownKey] if its key does not exist any more,
	//   - [ErrTooLarge] if it is too large.
	//
	// No other error may match them, because callers treat a value with such an error as lost. In particular, the error of a
	// service that cannot be reached must not.
	Open(ctx context.Context, sealed, binding []byte) (plaintext []byte, err error)

	// NeedsReseal reports whether Seal would now use another key or format than the value has. It must return at once, without
	// a call to a service.
	NeedsReseal(sealed []byte) bool
}

var _ Sealer = (*Keyring)(nil)

// Reseal seals a value again with the current key of s. If s.NeedsReseal(sealed) is false, Reseal returns the value as it is, and
// changed is false. binding must be the one that was passed to Seal. Write a changed value only if the row still has the old
// value, in one operation of the database:
//
//	UPDATE notes SET body = $1 WHERE id = $2 AND body = $3
//
// Otherwise, the write could undo a concurrent one. If the value is not sealed, the error matches [ErrNotSealed].
func Reseal(ctx context.Context, s Sealer, sealed, binding []byte) (value []byte, changed bool, err error) {
	if !s.NeedsReseal(sealed) {
		return sealed, false, nil
	}
	plaintext, err := s.Open(ctx, sealed, binding)
	if err != nil {
		return nil, false, err
	}
	value, err = s.Seal(ctx, plaintext, binding)
	if err != nil {
		return nil, false, err
	}
	return value, true, nil
}
