package jwks

// UnusableKey describes a key of a set that is not used. It does not affect the other keys of the set.
type UnusableKey struct {
	// KeyID is the kid. It is empty if the key has none, or an invalid one.
	KeyID string

	// Cause is one of the Fault constants. It can be used as a metric label.
	Cause Fault

	// Detail describes the fault for the operator. It contains no part of the key.
	Detail string
}

// Fault is the reason why a key is unusable.
type Fault string

// The faults of a key. FaultPrivate and FaultSymmetric mean that the issuer has published a secret: everyone who has read the
// set can sign tokens with that key. Report it to the operator of the issuer.
const (
	FaultMalformed Fault = "malformed" // a member is missing or broken
	FaultType      Fault = "type"      // kty or crv is not supported
	FaultUse       Fault = "use"       // use is enc, or key_ops does not contain verify
	FaultAlgorithm Fault = "algorithm" // alg is not a supported algorithm of the key's type and curve
	FaultWeak      Fault = "weak"      // too small, not on its curve, or with a known weakness
	FaultPrivate   Fault = "private"   // the private key was published
	FaultSymmetric Fault = "symmetric" // a shared secret was published
	FaultDuplicate Fault = "duplicate" // 4 other usable keys with the same kid and algorithm come first
	FaultTooMany   Fault = "too_many"  // the set has more usable keys than Config.MaxKeys
)
