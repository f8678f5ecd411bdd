package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/bits"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// checkKeys fetches the key set that the metadata names, and checks each key.
func (d *doctor) checkKeys(ctx context.Context) {
	if d.metadata == nil {
		return
	}
	url := d.metadata.JWKSURI
	if url == "" {
		d.add(Finding{
			Check: "keys", Severity: Problem, Found: "The metadata has no jwks_uri, so the keys of the issuer are not known.", Field: inConsumer + "Keys",
			Change: "Publish a jwks_uri. If the keys are known in another way, set Keys, for example to the result of jwks.New or jwks.File.",
			Actor:  ActorIssuer,
		})
		return
	}
	d.progress.Step("requesting " + cli.URL(url))
	set, err := inspect.KeysAt(ctx, url, d.keyOptions())
	if err != nil {
		if set = d.retryKeys(ctx, url, err); set == nil {
			return
		}
	}
	d.keys = set
	d.describeKeys()
}

// keyOptions returns the limits with which package consumer fetches the keys for d.cfg.
func (d *doctor) keyOptions() inspect.Options {
	return inspect.Options{
		HTTPClient: d.client, Timeout: cmp.Or(d.cfg.KeyCache.Timeout, d.cfg.DiscoveryTimeout), MaxBytes: d.cfg.KeyCache.MaxBytes,
		AllowHTTP: d.cfg.InsecureAllowHTTP,
	}
}

// maxKeyBytes is the size up to which doctor suggests a higher limit.
const maxKeyBytes = 8 << 20

// retryKeys fetches the keys with other settings, after err. It adds the finding, and returns nil if the keys cannot be fetched.
func (d *doctor) retryKeys(ctx context.Context, url string, err error) *inspect.KeySet {
	f := Finding{Check: "keys", Severity: Problem, Found: fmt.Sprintf("The keys cannot be fetched: %v.", err), Field: inConsumer + "Keys"}
	options := d.keyOptions()
	var settings []Setting
	switch {
	case isA[*fetch.TooLargeError](err):
		options.MaxBytes = maxKeyBytes
		f.Change = "Publish fewer keys. Until then, set KeyCache.MaxBytes."
		f.Actor = ActorIssuer
	case isA[*fetch.TimeoutError](err):
		options.Timeout = patience
		f.Change = "Find out why the issuer is slow. Until then, set DiscoveryTimeout, which also limits the request for the keys."
		f.Actor = ActorIssuer
	case isA[*fetch.RedirectError](err):
		redirect, _ := errors.AsType[*fetch.RedirectError](err)
		if redirect.Location != "" && mayLead(url, redirect.Location) {
			url = redirect.Location
			settings = append(settings, d.setMetadata(url))
		}
		f.Change = "Publish the final URL as jwks_uri, because redirects are not followed. Until then, set Metadata."
		f.Actor = ActorIssuer
	default:
		return d.otherKeys(ctx, f, err)
	}
	set, again := inspect.KeysAt(ctx, url, options)
	if again != nil {
		return d.otherKeys(ctx, f, err)
	}
	switch {
	case isA[*fetch.TooLargeError](err):
		settings = append(settings, setMaxBytes(d.recorder.size(url)))
	case isA[*fetch.TimeoutError](err):
		settings = append(settings, setTimeout(d.timeNeeded(url)))
	}
	f.Settings = settings
	for _, s := range settings {
		s.apply(&d.cfg)
	}
	d.add(f)
	return set
}

// otherKeys tries the jwks_uri of the other document, and otherwise says that the keys cannot be fetched.
func (d *doctor) otherKeys(ctx context.Context, f Finding, err error) *inspect.KeySet {
	for _, p := range d.look(ctx, d.cfg).places {
		if p.metadata == nil || p.metadata.JWKSURI == "" || p.metadata.JWKSURI == d.metadata.JWKSURI {
			continue
		}
		if set, again := inspect.KeysAt(ctx, p.metadata.JWKSURI, d.keyOptions()); again == nil && len(set.Usable()) > 0 {
			s := setMetadataURL(p.url)
			s.apply(&d.cfg)
			f.Settings, f.Actor = []Setting{s}, ActorIssuer
			f.Change = "Correct the jwks_uri. The other document names one that works: until then, set MetadataURL to the URL of that document."
			d.add(f)
			return set
		}
	}
	f.Actor = ActorIssuer
	switch {
	case isTLS(err):
		f.Change = tlsAdvice(err)
	case errors.Is(err, fetch.ErrNoResponse):
		f.Change = "Make the jwks_uri reachable from this machine. If the keys are at an internal address, set Metadata or Keys."
	default:
		f.Change = "Publish the key set at the jwks_uri, or correct the jwks_uri. No setting of the API helps unless the keys are elsewhere: then set Keys."
	}
	d.add(f)
	return nil
}

// setMetadata returns the setting of Config.Metadata for another jwks_uri.
func (d *doctor) setMetadata(jwksURI string) Setting {
	issuer := d.cfg.Issuer
	value := fmt.Sprintf("&oidcdiscovery.Metadata{Issuer: %s, JWKSURI: %s}", quoteGo(issuer), quoteGo(jwksURI))
	return setting("Metadata", value, func(cfg *consumer.Config) {
		cfg.Metadata, cfg.MetadataURL = &oidcdiscovery.Metadata{Issuer: issuer, JWKSURI: jwksURI}, ""
	})
}

// setMaxBytes returns the setting of Config.KeyCache.MaxBytes for a key set of this size: the next power of two.
func setMaxBytes(size int64) Setting {
	power := bits.Len64(uint64(size)) //nolint:gosec // a size is not negative
	limit := int64(1) << power
	return setting("KeyCache.MaxBytes", fmt.Sprintf("1 << %d", power), func(cfg *consumer.Config) { cfg.KeyCache.MaxBytes = limit })
}

// isA reports whether the tree of err has an error of the type E.
func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// describeKeys adds a finding for the usable keys, and one for each key that is not usable.
func (d *doctor) describeKeys() {
	usable := d.keys.Usable()
	if len(usable) == 0 {
		d.add(Finding{
			Check: "keys", Severity: Problem, Found: fmt.Sprintf("The key set at %s has no usable key.", d.keys.Origin), Field: inConsumer + "Keys",
			Change: "Publish the public keys with which tokens are signed. Until then, every token is rejected with status 503.", Actor: ActorIssuer,
		})
	} else {
		d.ok("keys", inConsumer+"Keys", fmt.Sprintf("%s at %s: %s.", count(len(usable), "usable key"), d.keys.Origin, listKeys(usable)))
	}
	for i, k := range d.keys.Keys {
		if k.Unusable == nil {
			if k.KeyID == "" && len(usable) > 1 {
				d.add(Finding{
					Check: "keys.kid", Severity: Warning, Found: fmt.Sprintf("Key %d has no kid.", i+1), Actor: ActorIssuer, Field: inConsumer + "Keys",
					Change: "Publish each key with a kid, and put it in the header of tokens. Without it, up to 4 keys are tried for each token.",
				})
			}
			continue
		}
		d.unusableKey(i, k)
	}
}

// unusableKey adds the finding for a key that is not usable.
func (d *doctor) unusableKey(i int, k jwks.InspectedKey) {
	f := Finding{
		Check: "keys." + string(k.Unusable.Cause), Severity: Warning, Actor: ActorIssuer, Field: inConsumer + "Keys",
		Found: fmt.Sprintf("Key %d (kid %s) is not used: %s.", i+1, cli.Quote(k.KeyID), k.Unusable.Detail),
	}
	switch k.Unusable.Cause {
	case jwks.FaultUse:
		d.ok(f.Check, f.Field, f.Found)
		return
	case jwks.FaultPrivate, jwks.FaultSymmetric:
		f.Severity = Problem
		f.Change = "Replace this key at once: everyone who has read the key set can sign tokens with it. Publish public keys only."
	case jwks.FaultWeak:
		f.Change = "Replace the key: RSA keys need at least 2048 bits. Tokens that are signed with it are rejected."
	case jwks.FaultAlgorithm:
		if isEncryption(k.Algorithm) {
			d.ok(f.Check, f.Field, f.Found)
			return
		}
		f.Change = "Correct the key in the key set. Tokens that are signed with it are rejected."
	default:
		f.Change = "Correct the key in the key set. Tokens that are signed with it are rejected."
	}
	d.add(f)
}

// isEncryption reports whether alg is an algorithm for the encryption of tokens (RFC 7518 section 4.1). A key set may have such keys
// too.
func isEncryption(alg string) bool {
	return strings.HasPrefix(alg, "RSA-OAEP") || strings.HasPrefix(alg, "ECDH-ES") || alg == "RSA1_5"
}

// listKeys describes keys in one line.
func listKeys(keys jwks.Static) string {
	var list []string
	for _, k := range keys {
		list = append(list, fmt.Sprintf("%s (%s)", cli.Quote(k.ID), strings.Join(notEmpty(inspect.TypeOf(k.Public), inspect.SizeOf(k.Public), k.Algorithm), ", ")))
	}
	if len(list) > maxNames {
		list = append(list[:maxNames], fmt.Sprintf("and %d more", len(keys)-maxNames))
	}
	return strings.Join(list, ", ")
}

// notEmpty returns the texts that are not empty.
func notEmpty(texts ...string) []string {
	var some []string
	for _, text := range texts {
		if text != "" {
			some = append(some, cli.Clean(text))
		}
	}
	return some
}

// count returns a number with a noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
