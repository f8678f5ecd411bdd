package registry

import "context"

// Store stores the registered clients. A [Row] contains the columns that clients are looked up by, and a JSON document
// with all other data. Package store has an implementation in memory, and package store/sqlstore one in SQL databases. Package
// store/storetest has tests that every implementation should pass.
//
// An implementation must meet these requirements:
//
//   - It compares ids, names and owners byte by byte. The default collation of some databases ignores case or trailing
//     spaces; do not use it.
//   - It returns an error only if the operation failed. A missing row is not an error.
//   - It is safe for concurrent use, and it stores and returns copies.
//   - It does not log rows, because they contain hashes of secrets.
type Store interface {
	// Get returns the row with the given id. found is false if there is none.
	Get(ctx context.Context, id string) (row Row, found bool, err error)

	// ByName returns the rows with the given name, in ascending order of their ids. It leaves out the first skip rows and
	// returns at most take rows. Names are not unique. If owner is nil, it returns the rows of every owner, otherwise
	// only those with that Owner, which may be empty. skip and take are not negative.
	ByName(ctx context.Context, name string, owner *string, skip, take int) ([]Row, error)

	// List does the same as ByName for the rows of every name.
	List(ctx context.Context, owner *string, skip, take int) ([]Row, error)

	// Create stores a new row. If there already is a row with that id, it changes nothing and created is false.
	Create(ctx context.Context, row Row) (created bool, err error)

	// Update replaces the row that has the same ID and the Version row.Version-1 by row. If there is no such row, it
	// changes nothing and updated is false. Of two concurrent updates of one Version, exactly one succeeds.
	Update(ctx context.Context, row Row) (updated bool, err error)

	// Delete deletes the row with the given id. deleted is false if there was none.
	Delete(ctx context.Context, id string) (deleted bool, err error)
}

// Row is a client as a [Store] stores it: five columns, with ID as the key. It is an alias of an unnamed struct, so that a
// store can implement Store without importing this package.
//
//   - ID is unique, 1 to 255 visible ASCII characters.
//   - Name has 1 to 255 bytes. It is indexed for ByName.
//   - Owner has at most 255 bytes. It is empty for a client without an owner.
//   - Version is a positive number of at most 53 bits. Each change adds one. The first version is random, so that an
//     update of a deleted client does not change a client that was registered later under the same id.
//   - Data is a JSON object of at most 64 KiB. It contains hashes of secrets. A store does not read it. The column may
//     change its white space and the order of its members.
type Row = struct {
	ID      string
	Name    string
	Owner   string
	Version int64
	Data    []byte
}
