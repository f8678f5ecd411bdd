package openapi

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"

	"github.com/getkin/kin-openapi/openapi3"
)

// compare reads the document with kin-openapi and returns an error unless it has the same operations with the same security
// requirements. A document that two parsers read differently would be enforced in one way and shown to clients in another.
func (r *reader) compare(document []byte) (err error) {
	defer func() { // the documents have been checked, but not for everything that another parser may not expect
		if fault := recover(); fault != nil {
			err = errors.New("openapi: document: the parser kin-openapi cannot read it")
		}
	}()
	// kin-openapi reads files through the same function as this package, so it cannot read other ones, or from the network.
	loader := openapi3.NewLoader()
	loader.ReadFromURIFunc = func(_ *openapi3.Loader, u *url.URL) ([]byte, error) {
		if u.Scheme != "" || u.Host != "" || u.RawQuery != "" {
			return nil, fmt.Errorf("openapi: %q is not a file in Config.Files", clip(u.String()))
		}
		return r.files.read(u.Path)
	}
	model, err := loader.LoadFromDataWithPath(document, &url.URL{Path: r.files.main})
	if err != nil {
		return fmt.Errorf("openapi: document: the parser kin-openapi cannot read it: %w", err)
	}
	if err := r.found.err(); err != nil { // of files that only kin-openapi has read
		return err
	}
	return r.agree(model)
}

// agree returns an error for each operation that kin-openapi reads differently.
func (r *reader) agree(model *openapi3.T) error {
	// Both directions are compared: an operation that only one parser finds could be one that the policy does not protect, or one that
	// clients do not see.
	theirs := make(map[string]*openapi3.Operation)
	for path, item := range model.Paths.Map() {
		for method, op := range item.Operations() {
			theirs[method+" "+path] = op
		}
	}
	disagree := new(problems)
	for _, op := range r.operations {
		name := op.method + " " + op.path
		other, ok := theirs[name]
		if !ok {
			disagree.add(op.at, "the parser kin-openapi does not find the operation %s: refer to its path item directly, and not through another reference", clip(name))
			continue
		}
		if !slices.EqualFunc(op.needs, securityOf(model, other), requirement.equal) {
			disagree.add(op.at, "the parser kin-openapi reads other security requirements for %s", clip(name))
		}
		delete(theirs, name)
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		disagree.add(r.files.root().member("paths"), "the parser kin-openapi also finds the operation %s", clip(name))
	}
	return disagree.err()
}

// securityOf returns the alternatives of an operation, without those that require nothing. As in readSecurity, those of the operation
// replace those of the document.
func securityOf(model *openapi3.T, op *openapi3.Operation) (needs openapi3.SecurityRequirements) {
	all := model.Security
	if op.Security != nil {
		all = *op.Security
	}
	for _, one := range all {
		if len(one) > 0 {
			needs = append(needs, one)
		}
	}
	return needs
}

// equal reports whether two parsers have read the same alternative.
func (need requirement) equal(other openapi3.SecurityRequirement) bool {
	return len(need) == len(other) && !slices.ContainsFunc(need, func(s scheme) bool {
		names, ok := other[s.Name]
		return !ok || !slices.Equal(names, s.Names)
	})
}
