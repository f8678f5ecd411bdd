package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// prefix precedes the names of all variables.
const prefix = "CROSSAUTH_"

// environment returns the value of a variable. The name has no prefix. An empty variable is treated as absent.
type environment func(name string) string

// config converts the variables of a crossauth resource server to a Config.
func (env environment) config() (consumer.Config, error) {
	keys, keyFault := env.keys()
	skew, skewFault := env.clockSkew()
	faults := errors.Join(env.required("AUTH_SERVER_BASE_URL"), env.required("OAUTH_AUDIENCE"), keyFault, skewFault,
		env.rejectPersistence())
	if faults != nil {
		return consumer.Config{}, faults
	}
	cfg := consumer.Config{
		Issuer:    env("AUTH_SERVER_BASE_URL"),
		Audience:  []string{env("OAUTH_AUDIENCE")},
		Profile:   consumer.ProfileCrossauth, // `type` must be "access"
		Keys:      keys,
		ClockSkew: skew,
	}
	if alg := env("JWT_KEY_TYPE"); alg != "" {
		cfg.Algorithms = []string{alg}
	}
	return cfg, nil
}

// keys returns the configured key, or nil if there is none: the Consumer then discovers the keys. More than one variable with
// a key is an error, because it would be unclear which one to use.
func (env environment) keys() (jwks.Source, error) {
	var given []string
	for _, name := range []string{"JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FILE", "JWT_SECRET_KEY", "JWT_SECRET_KEY_FILE"} {
		if env(name) != "" {
			given = append(given, name)
		}
	}
	switch len(given) {
	case 0:
		return nil, nil
	case 1:
		return env.key(given[0])
	}
	return nil, errors.New(prefix + strings.Join(given, " and "+prefix) + " must not be set together")
}

// key reads the key in the variable name. It rejects an algorithm that does not match the kind of key: a public key must
// never be used as a shared secret, because everyone knows it.
func (env environment) key(name string) (source jwks.Source, err error) {
	alg := env("JWT_KEY_TYPE")
	if isSecret := strings.HasPrefix(name, "JWT_SECRET"); isSecret != strings.HasPrefix(alg, "HS") {
		return nil, fmt.Errorf("%sJWT_KEY_TYPE %q does not match %s%s", prefix, alg, prefix, name)
	}
	switch name {
	case "JWT_PUBLIC_KEY":
		source, err = jwks.ParsePEM([]byte(env(name)), alg)
	case "JWT_SECRET_KEY":
		source, err = jwks.Secret([]byte(env(name)), alg)
	default:
		source, err = jwks.File(env(name), alg)
	}
	if err != nil {
		return nil, fmt.Errorf("%s%s: %w", prefix, name, err)
	}
	return source, nil
}

// clockSkew returns the value for Config.ClockSkew. If the variable is absent, it returns zero, which means the default.
// If the variable is 0, it returns a negative duration, which means no tolerance.
func (env environment) clockSkew() (time.Duration, error) {
	value := env("OAUTH_CLOCK_TOLERANCE")
	if value == "" {
		return 0, nil
	}
	seconds, err := strconv.ParseUint(value, 10, 16)
	if err != nil {
		return 0, errors.New(prefix + "OAUTH_CLOCK_TOLERANCE must be a number of seconds from 0 to 65535")
	}
	if seconds == 0 {
		return -1, nil
	}
	return time.Duration(seconds) * time.Second, nil
}

// rejectPersistence rejects OAUTH_PERSIST_ACCESS_TOKEN. Without a store of issued tokens, revoked ones would be accepted.
func (env environment) rejectPersistence() error {
	switch strings.ToLower(env("OAUTH_PERSIST_ACCESS_TOKEN")) {
	case "", "0", "false", "no", "off":
		return nil
	}
	return errors.New(prefix + "OAUTH_PERSIST_ACCESS_TOKEN needs a store for Config.Status, which this program does not have")
}

// required returns an error if the variable name is not set.
func (env environment) required(name string) error {
	if env(name) == "" {
		return errors.New(prefix + name + " is required")
	}
	return nil
}
