package serve

import (
	"time"

	"go.yaml.in/yaml/v3"
)

// config is the configuration file. docs/forward-auth.md describes each key, its zero value and its bounds.
type config struct {
	// Proxy selects the convention with which the proxy describes the client's request: nginx, caddy, traefik or envoy.
	// The fields of the other conventions are never read. Required.
	Proxy string `yaml:"proxy"`

	Listen listenConfig `yaml:"listen"`

	// TrustedProxies lists the networks of the proxy. Connections from other addresses are rejected. Empty: loopback
	// addresses. The clients of a Unix domain socket are trusted.
	TrustedProxies []string `yaml:"trusted_proxies,omitempty"`

	// Issuers lists the issuers whose tokens are accepted. Empty: one issuer, from the environment.
	Issuers []issuerConfig `yaml:"issuers,omitempty"`

	Realm    string      `yaml:"realm,omitempty"`
	Resource string      `yaml:"resource,omitempty"`
	DPoP     *dpopConfig `yaml:"dpop,omitempty"`

	// Routes maps patterns of http.ServeMux to rules. Required.
	Routes map[string]routeConfig `yaml:"routes"`

	// Headers maps the names of header fields for the API to the claims in them.
	Headers map[string]headerConfig `yaml:"headers,omitempty"`

	// RemoveToken makes Envoy remove Authorization and DPoP from the request to the API.
	RemoveToken bool `yaml:"remove_token,omitempty"`

	// InsecureAllowInPath accepts spellings in paths that an API may read in another way than the policy: ";" and "%25".
	InsecureAllowInPath []string `yaml:"insecure_allow_in_path,omitempty"`

	// InsecureSkipSpellingCheck accepts paths that match another pattern in lower case, or with or without a slash at the end.
	InsecureSkipSpellingCheck bool `yaml:"insecure_skip_spelling_check,omitempty"`

	// InsecureAllowOverrides accepts header fields with which some APIs replace the method or the path of a request.
	InsecureAllowOverrides bool `yaml:"insecure_allow_overrides,omitempty"`

	Log      logConfig     `yaml:"log,omitempty"`
	Timeouts timeoutConfig `yaml:"timeouts,omitempty"`
}

// listenConfig names the addresses. An address is HOST:PORT or unix:PATH.
type listenConfig struct {
	HTTP  string     `yaml:"http,omitempty"`
	GRPC  string     `yaml:"grpc,omitempty"`
	Admin string     `yaml:"admin,omitempty"`
	TLS   *tlsConfig `yaml:"tls,omitempty"` // of HTTP and GRPC
}

// tlsConfig names PEM files.
type tlsConfig struct {
	Certificate string `yaml:"certificate"`
	Key         string `yaml:"key"`
	ClientCA    string `yaml:"client_ca,omitempty"` // the proxy must have a certificate of this CA
}

// issuerConfig has the fields of consumer.Config that a file can express.
type issuerConfig struct {
	Issuer                string   `yaml:"issuer"`
	Audience              []string `yaml:"audience,omitempty"`
	Profile               string   `yaml:"profile,omitempty"`
	MetadataURL           string   `yaml:"metadata_url,omitempty"`
	KeyFile               string   `yaml:"key_file,omitempty"`      // see jwks.File
	KeyAlgorithm          string   `yaml:"key_algorithm,omitempty"` // of KeyFile
	Algorithms            []string `yaml:"algorithms,omitempty"`
	ScopeClaims           []string `yaml:"scope_claims,omitempty"`
	ClientIDs             []string `yaml:"client_ids,omitempty"`
	RequiredClaims        []string `yaml:"required_claims,omitempty"`
	TokenType             string   `yaml:"token_type,omitempty"`
	ClockSkew             duration `yaml:"clock_skew,omitempty"`
	DiscoveryTimeout      duration `yaml:"discovery_timeout,omitempty"`
	CacheSize             int      `yaml:"cache_size,omitempty"`
	MaxTokenBytes         int      `yaml:"max_token_bytes,omitempty"`
	PublicAddressesOnly   bool     `yaml:"public_addresses_only,omitempty"`
	InsecureAllowHTTP     bool     `yaml:"insecure_allow_http,omitempty"`
	InsecureNoAudience    bool     `yaml:"insecure_no_audience,omitempty"`
	InsecureAcceptIDToken bool     `yaml:"insecure_accept_id_token,omitempty"`
}

// dpopConfig accepts tokens that are bound to a key. Exactly one of URL and Hosts is required.
type dpopConfig struct {
	URL          string   `yaml:"url,omitempty"`
	Hosts        []string `yaml:"hosts,omitempty"` // scheme and host are then those that the proxy sends
	Algorithms   []string `yaml:"algorithms,omitempty"`
	RequireNonce bool     `yaml:"require_nonce,omitempty"`
	Required     bool     `yaml:"required,omitempty"`
}

// routeConfig is the rules of a route. A token must meet all of them. If there are none, the route accepts every valid token.
type routeConfig struct {
	Public            bool            `yaml:"public,omitempty"` // no token is needed, and none is read
	SenderConstrained bool            `yaml:"sender_constrained,omitempty"`
	Principal         string          `yaml:"principal,omitempty"` // user or client
	StepUp            *stepUpConfig   `yaml:"step_up,omitempty"`
	Scopes            []string        `yaml:"scopes,omitempty"`
	AnyScope          []string        `yaml:"any_scope,omitempty"`
	AnyRole           []string        `yaml:"any_role,omitempty"` // in the claims that the profile names
	Roles             *roleConfig     `yaml:"roles,omitempty"`
	Claims            map[string]list `yaml:"claims,omitempty"` // name of a claim → accepted values
}

type stepUpConfig struct {
	MaxAge duration `yaml:"max_age,omitempty"`
	ACR    []string `yaml:"acr,omitempty"`
}

// roleConfig is a list of roles in one claim. Claim is the path for middleware.Role.
type roleConfig struct {
	Claim string   `yaml:"claim"`
	AnyOf []string `yaml:"any_of"`
}

// headerConfig is the value of a header field: a claim, or what the profile determines ($client, $scopes, …).
type headerConfig struct {
	Claim  string `yaml:"claim"`
	Encode string `yaml:"encode,omitempty"` // "percent", or empty
}

type logConfig struct {
	Format string `yaml:"format,omitempty"` // json or text; empty: json
	Level  string `yaml:"level,omitempty"`  // debug, info, warn or error; empty: info
}

// timeoutConfig has the timeouts. Zero: the defaults of withDefaults.
type timeoutConfig struct {
	Request  duration `yaml:"request,omitempty"`  // for reading a request
	Idle     duration `yaml:"idle,omitempty"`     // of a connection without requests
	Warm     duration `yaml:"warm,omitempty"`     // for fetching the keys at a start or a reload
	Drain    duration `yaml:"drain,omitempty"`    // between the readiness probe that fails and the end of listening
	Shutdown duration `yaml:"shutdown,omitempty"` // for running requests after that
}

// The proxies.
const (
	proxyNginx   = "nginx"
	proxyCaddy   = "caddy"
	proxyTraefik = "traefik"
	proxyEnvoy   = "envoy"
)

// withDefaults returns c with the defaults of the fields that are zero.
func (c config) withDefaults() config {
	if len(c.TrustedProxies) == 0 {
		c.TrustedProxies = []string{"127.0.0.0/8", "::1/128"}
	}
	if c.Listen.HTTP == "" && c.Listen.GRPC == "" {
		c.Listen.HTTP = "127.0.0.1:9123"
	}
	setDefault(&c.Log.Format, "json")
	setDefault(&c.Log.Level, "info")
	setDefault(&c.Timeouts.Request, duration(10*time.Second))
	setDefault(&c.Timeouts.Idle, duration(2*time.Minute))
	setDefault(&c.Timeouts.Warm, duration(10*time.Second))
	setDefault(&c.Timeouts.Drain, duration(5*time.Second))
	setDefault(&c.Timeouts.Shutdown, duration(20*time.Second))
	return c
}

func setDefault[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}

// duration is a time.Duration that is written like 90s or 5m.
type duration time.Duration

// UnmarshalYAML implements [yaml.Unmarshaler]. A number without a unit is an error, because its unit would be a guess. So is zero,
// because it would select the default, or remove a rule.
func (d *duration) UnmarshalYAML(node *yaml.Node) error {
	value, err := time.ParseDuration(node.Value)
	if err != nil || node.Kind != yaml.ScalarNode {
		return faultAt(node, "%q is not a duration, expected a number with a unit such as 90s or 5m", node.Value)
	}
	if value == 0 {
		return faultAt(node, "%q has no effect: write another duration, or remove the key for the default", node.Value)
	}
	*d = duration(value)
	return nil
}

// MarshalYAML implements [yaml.Marshaler].
func (d duration) MarshalYAML() (any, error) { return time.Duration(d).String(), nil }

// list is the accepted values of a claim. In the file, a list of one value may be written as the value itself.
type list []any

// UnmarshalYAML implements [yaml.Unmarshaler].
func (l *list) UnmarshalYAML(node *yaml.Node) error {
	values := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		values = node.Content
	}
	for _, value := range values {
		var decoded any
		if err := value.Decode(&decoded); err != nil {
			return err
		}
		number, ok := claimValue(decoded)
		if !ok {
			return faultAt(value, "expected a string, a number of at most 53 bits, true or false")
		}
		*l = append(*l, number)
	}
	return nil
}

// maxExact is the largest integer up to which float64 represents every integer.
const maxExact = 1 << 53

// claimValue returns v as consumer.Token.Claim returns an equal value.
func claimValue(v any) (any, bool) {
	switch v := v.(type) {
	case string, bool:
		return v, true
	case int:
		return claimValue(int64(v))
	case int64: // on 32-bit machines
		return float64(v), -maxExact <= v && v <= maxExact
	case float64:
		return v, true
	}
	return nil, false
}

// UnmarshalYAML implements [yaml.Unmarshaler]. A claim without further settings may be written as a string.
func (h *headerConfig) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		h.Claim = node.Value
		return nil
	}
	type plain headerConfig // without this method
	return node.Decode((*plain)(h))
}
