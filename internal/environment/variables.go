package environment

import "slices"

// Variable describes one variable.
type Variable struct {
	// Name is the full name.
	Name string

	// Consumer and Client are the fields of consumer.Config and client.Config that the variable sets. Empty: the FromEnv of
	// that package does not read it.
	Consumer, Client string

	// Secret says that the value must never be shown.
	Secret bool

	// MultiLine says that the value may span lines, as PEM does. Quotes says that it may be in quotation marks.
	MultiLine, Quotes bool
}

// Variables returns all variables that the kit knows. Those without a field are read by the command or by tests only.
func Variables() []Variable {
	return slices.Concat(shared(), ofConsumer(), ofClient(), ofCrossauth(), ofOthers())
}

// lookup returns the variable called name. It returns a secret one if there is none, so that an omission in the list cannot
// disclose a value.
func lookup(name string) Variable {
	for _, v := range Variables() {
		if v.Name == name {
			return v
		}
	}
	return Variable{Name: name, Secret: true}
}

// shared returns the variables that both FromEnv functions read.
func shared() []Variable {
	return []Variable{
		{Name: "BEARERKIT_ISSUER", Consumer: "Issuer", Client: "Issuer"},
		{Name: "BEARERKIT_METADATA_URL", Consumer: "MetadataURL", Client: "MetadataURL"},
		{Name: "BEARERKIT_DISCOVERY_TIMEOUT", Consumer: "DiscoveryTimeout", Client: "DiscoveryTimeout"},
		{Name: "BEARERKIT_CLOCK_SKEW", Consumer: "ClockSkew", Client: "ClockSkew"},
		{Name: "BEARERKIT_KEYS_FILE", Consumer: "Keys", Client: "Keys"},
		{Name: "BEARERKIT_KEYS_ALGORITHM", Consumer: "Keys", Client: "Keys"},
		{Name: "BEARERKIT_SECRET_KEY", Consumer: "Keys", Client: "Keys", Secret: true},
		{Name: "BEARERKIT_SECRET_KEY_FILE", Consumer: "Keys", Client: "Keys"},
		{Name: "BEARERKIT_INSECURE_ALLOW_HTTP", Consumer: "InsecureAllowHTTP", Client: "InsecureAllowHTTP"},
	}
}

// ofConsumer returns the variables of consumer.FromEnv alone.
func ofConsumer() []Variable {
	return []Variable{
		{Name: "BEARERKIT_AUDIENCE", Consumer: "Audience"},
		{Name: "BEARERKIT_PROFILE", Consumer: "Profile"},
		{Name: "BEARERKIT_ALGORITHMS", Consumer: "Algorithms"},
		{Name: "BEARERKIT_SCOPE_CLAIMS", Consumer: "ScopeClaims"},
		{Name: "BEARERKIT_TOKEN_TYPE", Consumer: "TokenType"},
		{Name: "BEARERKIT_CLIENT_IDS", Consumer: "ClientIDs"},
		{Name: "BEARERKIT_REQUIRED_CLAIMS", Consumer: "RequiredClaims"},
		{Name: "BEARERKIT_STATUS_TTL", Consumer: "StatusTTL"},
		{Name: "BEARERKIT_CACHE_SIZE", Consumer: "CacheSize"},
		{Name: "BEARERKIT_MAX_TOKEN_BYTES", Consumer: "MaxTokenBytes"},
		{Name: "BEARERKIT_MAX_HEADER_BYTES", Consumer: "MaxHeaderBytes"},
		{Name: "BEARERKIT_KEY_CACHE_SNAPSHOT_FILE", Consumer: "KeyCache.Snapshot"},
		{Name: "BEARERKIT_KEY_CACHE_FRESH_FOR", Consumer: "KeyCache.FreshFor"},
		{Name: "BEARERKIT_KEY_CACHE_STALE_FOR", Consumer: "KeyCache.StaleFor"},
		{Name: "BEARERKIT_KEY_CACHE_MIN_REFETCH", Consumer: "KeyCache.MinRefetch"},
		{Name: "BEARERKIT_KEY_CACHE_TIMEOUT", Consumer: "KeyCache.Timeout"},
		{Name: "BEARERKIT_KEY_CACHE_MAX_BYTES", Consumer: "KeyCache.MaxBytes"},
		{Name: "BEARERKIT_KEY_CACHE_MAX_KEYS", Consumer: "KeyCache.MaxKeys"},
		{Name: "BEARERKIT_PUBLIC_ADDRESSES_ONLY", Consumer: "PublicAddressesOnly"},
		{Name: "BEARERKIT_INSECURE_NO_ISSUER", Consumer: "InsecureNoIssuer"},
		{Name: "BEARERKIT_INSECURE_NO_AUDIENCE", Consumer: "InsecureNoAudience"},
		{Name: "BEARERKIT_INSECURE_STATUS_FAIL_OPEN", Consumer: "InsecureStatusFailOpen"},
		{Name: "BEARERKIT_INSECURE_ACCEPT_ID_TOKEN", Consumer: "InsecureAcceptIDToken"},
	}
}

// ofClient returns the variables of client.FromEnv alone.
func ofClient() []Variable {
	return []Variable{
		{Name: "BEARERKIT_CLIENT_ID", Client: "ClientID"},
		{Name: "BEARERKIT_CLIENT_SECRET", Client: "ClientSecret", Secret: true},
		{Name: "BEARERKIT_CLIENT_SECRET_FILE", Client: "SecretSource"},
		{Name: "BEARERKIT_CLIENT_METADATA_DOCUMENT", Client: "ClientMetadataDocument"},
		{Name: "BEARERKIT_AUTH_METHOD", Client: "AuthMethod"},
		{Name: "BEARERKIT_CLIENT_KEY_FILE", Client: "Key"},
		{Name: "BEARERKIT_CLIENT_KEY_ID", Client: "Key.ID"},
		{Name: "BEARERKIT_CLIENT_KEY_ALGORITHM", Client: "Key.Algorithm"},
		{Name: "BEARERKIT_ASSERTION_FILE", Client: "AssertionSource"},
		{Name: "BEARERKIT_ASSERTION_AUDIENCE", Client: "AssertionAudience"},
		{Name: "BEARERKIT_BASIC_ENCODING", Client: "BasicEncoding"},
		{Name: "BEARERKIT_CLIENT_ID_IN_BODY", Client: "ClientIDInBody"},
		{Name: "BEARERKIT_REDIRECT_URI", Client: "RedirectURI"},
		{Name: "BEARERKIT_SCOPES", Client: "Scopes"},
		{Name: "BEARERKIT_RESOURCE", Client: "Resource"},
		{Name: "BEARERKIT_CLIENT_AUDIENCE", Client: "Audience"},
		{Name: "BEARERKIT_POST_TYPE", Client: "PostType"},
		{Name: "BEARERKIT_DPOP_KEY_FILE", Client: "DPoP"},
		{Name: "BEARERKIT_DPOP_KEY_ALGORITHM", Client: "DPoP.Algorithm"},
		{Name: "BEARERKIT_STATE_LENGTH", Client: "StateLength"},
		{Name: "BEARERKIT_VERIFIER_LENGTH", Client: "VerifierLength"},
		{Name: "BEARERKIT_ENDPOINTS", Client: "Endpoints"},
		{Name: "BEARERKIT_AUTHORIZE_URL", Client: "AuthorizeURL"},
		{Name: "BEARERKIT_MFA_URL", Client: "MFAURL"},
		{Name: "BEARERKIT_BEARER_TYPES", Client: "BearerTypes"},
		{Name: "BEARERKIT_COMMA_SCOPES", Client: "CommaScopes"},
		{Name: "BEARERKIT_CLIENT_ALGORITHMS", Client: "Algorithms"},
		{Name: "BEARERKIT_EXTRA_AUDIENCES", Client: "ExtraAudiences"},
		{Name: "BEARERKIT_ACCEPTED_PARTIES", Client: "AcceptedParties"},
		{Name: "BEARERKIT_USE_USER_INFO", Client: "UseUserInfo"},
		{Name: "BEARERKIT_SIGNED_USER_INFO", Client: "SignedUserInfo"},
		{Name: "BEARERKIT_SIGNED_INTROSPECTION", Client: "SignedIntrospection"},
		{Name: "BEARERKIT_TIMEOUT", Client: "Timeout"},
		{Name: "BEARERKIT_MAX_BYTES", Client: "MaxBytes"},
		{Name: "BEARERKIT_INSECURE_PLAIN_PKCE", Client: "InsecurePlainPKCE"},
		{Name: "BEARERKIT_INSECURE_NO_NONCE", Client: "InsecureNoNonce"},
	}
}

// ofCrossauth returns the variables of crossauth that have a counterpart in the kit.
func ofCrossauth() []Variable {
	return []Variable{
		{Name: "CROSSAUTH_AUTH_SERVER_BASE_URL", Consumer: "Issuer", Client: "Issuer"},
		{Name: "CROSSAUTH_JWT_KEY_TYPE", Consumer: "Algorithms", Client: "Algorithms"},
		{Name: "CROSSAUTH_JWT_PUBLIC_KEY", Consumer: "Keys", Client: "Keys", MultiLine: true},
		{Name: "CROSSAUTH_JWT_PUBLIC_KEY_FILE", Consumer: "Keys", Client: "Keys"},
		{Name: "CROSSAUTH_JWT_SECRET_KEY", Consumer: "Keys", Client: "Keys", Secret: true},
		{Name: "CROSSAUTH_JWT_SECRET_KEY_FILE", Consumer: "Keys", Client: "Keys"},
		{Name: "CROSSAUTH_OAUTH_CLOCK_TOLERANCE", Consumer: "ClockSkew", Client: "ClockSkew"},
		{Name: "CROSSAUTH_OAUTH_AUDIENCE", Consumer: "Audience"},
		{Name: "CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN", Consumer: "Status"},
		{Name: "CROSSAUTH_OAUTH_CLIENT_ID", Client: "ClientID"},
		{Name: "CROSSAUTH_OAUTH_CLIENT_SECRET", Client: "ClientSecret", Secret: true},
		{Name: "CROSSAUTH_OAUTH_REDIRECT_URI", Client: "RedirectURI"},
		{Name: "CROSSAUTH_OAUTH_STATE_LENGTH", Client: "StateLength"},
		{Name: "CROSSAUTH_OAUTH_VERIFIER_LENGTH", Client: "VerifierLength"},
		{Name: "CROSSAUTH_OAUTH_CODE_CHALLENGE_METHOD", Client: "InsecurePlainPKCE"},
		{Name: "CROSSAUTH_OAUTH_DEVICE_AUTHORIZATION_URL", Client: "Endpoints"},
		{Name: "CROSSAUTH_OAUTH_POST_TYPE", Client: "PostType", Quotes: true},
		{Name: "CROSSAUTH_OAUTH_USE_USER_INFO_ENDPOINT", Client: "UseUserInfo"},
		{Name: "CROSSAUTH_OAUTH_AUTHORIZE_REDIRECT", Client: "AuthorizeURL"},
	}
}

// ofOthers returns the variables that the command bearerkit and the tests of the kit read.
func ofOthers() []Variable {
	return []Variable{
		{Name: "BEARERKIT_TOKEN", Secret: true},
		{Name: "BEARERKIT_TOKEN_FILE"},
		{Name: "BEARERKIT_REQUIRE_SERVICES"},
		{Name: "BEARERKIT_CLOCK_SHIFTED"},
		{Name: "BEARERKIT_REPLAY_JOB"},
	}
}
