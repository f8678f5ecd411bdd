package store

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
)

// ClientRow is a stored client. It is the same type as registry.Row, whose comment describes the fields: both are aliases of
// an unnamed struct, so that neither package imports the other. Do not log a row, because Data contains hashes of secrets.
type ClientRow = struct {
	ID      string
	Name    string
	Owner   string
	Version int64
	Data    []byte
}

// Clients stores registered clients in memory. They are lost when the process ends. The zero value is an empty store.
// Clients is safe for concurrent use. It stores and returns copies. The number of clients is not limited. All its errors are
// nil.
//
// It implements registry.Store.
type Clients struct {
	mu   sync.Mutex // guards rows
	rows map[string]ClientRow
}

// NewClients returns an empty store.
func NewClients() *Clients { return &Clients{} }

// Get returns the row with the given id, and false if there is none.
func (c *Clients) Get(_ context.Context, id string) (ClientRow, bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	row, ok := c.rows[id]
	return copyClient(row), ok, nil
}

// ByName returns the rows with the given name, in ascending order of their ids. It leaves out the first skip rows and returns
// at most take rows. If owner is nil, it returns the rows of every owner, otherwise only those with that Owner, which may be
// empty.
func (c *Clients) ByName(_ context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
	return c.find(skip, take, func(row ClientRow) bool { return row.Name == name && ownedBy(row, owner) }), nil
}

// List does the same as ByName for the rows of every name.
func (c *Clients) List(_ context.Context, owner *string, skip, take int) ([]ClientRow, error) {
	return c.find(skip, take, func(row ClientRow) bool { return ownedBy(row, owner) }), nil
}

// Create stores row. If there already is a row with that id, it changes nothing and returns false.
func (c *Clients) Create(_ context.Context, row ClientRow) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, exists := c.rows[row.ID]; exists {
		return false, nil
	}
	if c.rows == nil {
		c.rows = make(map[string]ClientRow)
	}
	c.rows[row.ID] = copyClient(row)
	return true, nil
}

// Update replaces the row with the same ID whose Version is one less. If there is no such row, it changes nothing and returns
// false.
func (c *Clients) Update(_ context.Context, row ClientRow) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, exists := c.rows[row.ID]; !exists || old.Version != row.Version-1 {
		return false, nil
	}
	c.rows[row.ID] = copyClient(row)
	return true, nil
}

// Delete deletes the row with the given id. It returns false if there was none.
func (c *Clients) Delete(_ context.Context, id string) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, existed := c.rows[id]
	delete(c.rows, id)
	return existed, nil
}

// find returns a page of the rows for which wanted returns true, sorted by id. The rows are copies.
func (c *Clients) find(skip, take int, wanted func(ClientRow) bool) []ClientRow {
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []ClientRow
	for _, row := range c.rows {
		if wanted(row) {
			found = append(found, row)
		}
	}
	slices.SortFunc(found, func(a, b ClientRow) int { return cmp.Compare(a.ID, b.ID) })
	found = found[min(skip, len(found)):]
	found = slices.Clone(found[:min(take, len(found))])
	for i := range found {
		found[i] = copyClient(found[i])
	}
	return found
}

// ownedBy reports whether row has the given owner. It returns true if owner is nil.
func ownedBy(row ClientRow, owner *string) bool { return owner == nil || *owner == row.Owner }

// copyClient returns a copy of row that does not share Data with it.
func copyClient(row ClientRow) ClientRow {
	row.Data = bytes.Clone(row.Data)
	return row
}
