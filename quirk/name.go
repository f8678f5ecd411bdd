package quirk

// Name is the kind of a deviation. The set of names is small and fixed, so a Name can be a log attribute and a metric
// label.
type Name string

// Deviations of JSON members, in tokens, key sets and metadata.
const (
	NullMember      Name = "null_member"      // a member is null; it is treated as absent
	EmptyMember     Name = "empty_member"     // a member is an empty string or array; it is treated as absent
	WrongType       Name = "wrong_type"       // an optional member has the wrong JSON type; it is treated as absent, or a string as an array of one string
	DuplicateMember Name = "duplicate_member" // a member that the kit does not use occurs twice; it is treated as absent
	InvalidValue    Name = "invalid_value"    // a member has invalid UTF-8, a lone surrogate or too many levels; it is treated as absent
	CaseVariant     Name = "case_variant"     // names of claims that the kit does not read differ only in case
)

// Deviations of tokens.
const (
	NonceInAccessToken Name = "nonce_in_access_token" // nonce, a claim of ID tokens, is in an access token
)

// Deviations of keys and key sets.
const (
	Base64Padding    Name = "base64_padding"    // a base64url value ends with "="
	Base64Form       Name = "base64_form"       // a base64url value has "+", "/", line ends or unused bits that are not zero
	LeadingZero      Name = "leading_zero"      // an RSA parameter starts with a zero octet
	CoordinateLength Name = "coordinate_length" // an elliptic curve coordinate is shorter or longer than the field size
	SharedKeyID      Name = "shared_kid"        // keys of one algorithm have the same kid, or several have no kid
	DuplicateKey     Name = "duplicate_key"     // the same key occurs twice
	UnknownUse       Name = "unknown_use"       // the member use of a key has a value that is not registered
	AlgorithmAlias   Name = "algorithm_alias"   // alg is EdDSA in the key and Ed25519 in the token, or the reverse
)

// Deviations of documents. All of them occur in metadata, and a byte order mark also in key sets.
const (
	ContentType   Name = "content_type"    // the Content-Type is not application/json
	ByteOrderMark Name = "byte_order_mark" // the document starts with a byte order mark
	Location      Name = "location"        // the document is at a path that no specification names
	Conflict      Name = "conflict"        // a member has different values in the two documents of an issuer; the first one counts
)

// Deviations of the responses of an authorization server to a client.
const (
	MissingMember Name = "missing_member" // a required member is absent; its usual value is assumed, such as Bearer for token_type
	OldName       Name = "old_name"       // a member has its name from a draft of the specification
	Status        Name = "status"         // a successful response has another status of 2xx than the specified one
	FormEncoded   Name = "form_encoded"   // the response is form-encoded; it is read like JSON
	TokenType     Name = "token_type"     // token_type names an access token in another form, or is Bearer for a token that is bound to a key
)
