package crossauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

// candidate is a client of the source with its redirect URIs and flows.
type candidate struct {
	imported registry.Imported
	uris     []child
	flows    []child
	known    map[string]bool // the valid redirect URIs
	faults   []string        // why the client cannot be imported
	digest   []byte          // of the fields, followed by that of the secret; 32 bytes each
}

// child is a redirect URI or flow of a candidate.
type child struct {
	text  cell
	fault string // why it cannot be imported, or ""
}

// newCandidate checks the rows of one client. probe is an empty registry with the settings of the import.
func newCandidate(ctx context.Context, probe *registry.Registry, row sourceClient, uris, flows []cell) candidate {
	confidential, ok := parseBool(row.confidential)
	c := candidate{known: make(map[string]bool), imported: registry.Imported{
		ID: value(row.id), SecretHash: registry.NewSecret(value(row.secret)),
		// An empty list of flows means that the client may use none. Nil would mean all of them.
		NewClient: registry.NewClient{Name: value(row.name), Owner: value(row.owner), Public: !confidential, Flows: []registry.Flow{}},
	}}
	if !ok {
		c.faults = append(c.faults, "confidential is "+shownCell(row.confidential)+", expected a truth value")
	}
	for _, uri := range uris {
		c.addURI(ctx, probe, uri)
	}
	for _, flow := range flows {
		c.addFlow(flow)
	}
	c.digest = c.sum(row, uris, flows)
	return c
}

// addURI adds a redirect URI.
func (c *candidate) addURI(ctx context.Context, probe *registry.Registry, uri cell) {
	added := child{text: uri}
	switch {
	case uri == nil:
		added.fault = "the URI is NULL"
	case c.known[*uri]:
		added.fault = duplicate
	default:
		// A registry checks a list of URIs, so let one check a client that has only this one.
		_, err := probe.Import(ctx, registry.Imported{ID: "probe", NewClient: registry.NewClient{Name: "probe", RedirectURIs: []string{*uri}}})
		added.fault = reasons(err, "RedirectURIs[0]")
		_ = probe.Delete(ctx, "probe") // it is in memory
	}
	if added.fault == "" {
		c.imported.RedirectURIs = append(c.imported.RedirectURIs, *uri)
		c.known[*uri] = true
	}
	c.uris = append(c.uris, added)
}

const duplicate = "the row exists twice"

// addFlow adds a flow, in one of the two spellings of crossauth.
func (c *candidate) addFlow(text cell) {
	added := child{text: text}
	flow, err := registry.ParseFlow(value(text))
	switch {
	case err != nil:
		added.fault = "the flow is not known"
	case flow == registry.FlowAll:
		added.fault = "a client cannot have this value as a flow"
	case flow == registry.FlowClientCredentials && c.imported.Public:
		added.fault = "a public client cannot use client credentials (RFC 6749 section 4.4)"
	case slices.Contains(c.imported.Flows, flow):
		added.fault = duplicate
	default:
		c.imported.Flows = append(c.imported.Flows, flow)
	}
	c.flows = append(c.flows, added)
}

// isWhole reports whether all redirect URIs and flows can be imported. A row that exists twice is no reason to reject a client.
func (c *candidate) isWhole() bool {
	return !slices.ContainsFunc(slices.Concat(c.uris, c.flows), func(row child) bool { return row.fault != "" && row.fault != duplicate })
}

// sum returns the digest of a client with all its rows, whether they can be imported or not.
func (c *candidate) sum(row sourceClient, uris, flows []cell) []byte {
	texts := func(cells []cell) []string {
		list := make([]string, 0, len(cells))
		for _, one := range cells {
			list = append(list, value(one))
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	text, _ := json.Marshal([]any{value(row.name), value(row.owner), !c.imported.Public, texts(uris), texts(flows)}) // texts can always be encoded
	fields, secret := sha256.Sum256(text), sha256.Sum256([]byte(value(row.secret)))
	return slices.Concat(fields[:], secret[:])
}

// differences returns the names of the fields in which a registered client differs from c.
func (c *candidate) differences(registered registry.Client) []string {
	var names []string
	differ := func(name string, isDifferent bool) {
		if isDifferent {
			names = append(names, name)
		}
	}
	differ("name", registered.Name != c.imported.Name)
	differ("owner", registered.Owner != c.imported.Owner)
	differ("confidential", registered.Confidential == c.imported.Public)
	differ("redirect URIs", !sameSet(registered.RedirectURIs, c.imported.RedirectURIs))
	differ("flows", !sameSet(registered.Flows, c.imported.Flows))
	return names
}

// sameSet reports whether two lists have the same elements.
func sameSet[T ~string](a, b []T) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// reasons returns the problems of the fields in an error of a registry, or "" if err is nil. A field with the given name is
// omitted.
func reasons(err error, omit string) string {
	if err == nil {
		return ""
	}
	var texts []string
	for _, fault := range flatten(err) {
		field, ok := errors.AsType[*registry.FieldError](fault)
		switch {
		case !ok:
			texts = append(texts, fault.Error())
		case field.Field == omit:
			texts = append(texts, field.Problem)
		default:
			texts = append(texts, columnOf(field.Field)+" "+field.Problem)
		}
	}
	return strings.Join(texts, "; ")
}

// flatten returns the errors that errors.Join has joined.
func flatten(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, one := range joined.Unwrap() {
		all = append(all, flatten(one)...)
	}
	return all
}

// columnOf returns what the source calls a field of registry.Imported.
func columnOf(field string) string {
	switch field {
	case "ID":
		return "client_id"
	case "Name":
		return "client_name"
	case "SecretHash":
		return "client_secret"
	case "Owner":
		return "the owner"
	case "Flows":
		return "the flows"
	}
	return "the redirect URIs"
}

// isInvalid reports whether the registry has rejected a client because of its content.
func isInvalid(err error) bool {
	_, ok := errors.AsType[*registry.FieldError](err)
	return ok
}

// newProbe returns a registry in memory that checks clients as the registry of the import does.
func (cfg Config) newProbe() (*registry.Registry, error) {
	return cfg.newRegistry(store.NewClients())
}

// newRegistry returns a registry with the settings of the import.
func (cfg Config) newRegistry(clients registry.Store) (*registry.Registry, error) {
	r, err := registry.New(registry.Config{Store: clients, Pepper: cfg.Pepper, InsecureAllowLocalhost: cfg.InsecureAllowLocalhost})
	if err != nil {
		return nil, fmt.Errorf("crossauth: %w", err)
	}
	return r, nil
}
