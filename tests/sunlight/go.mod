// The one place that says which Sunlight the tests run against. What Sunlight
// itself needs is written into the build folder's copy of this file.
module lockdb

go 1.24

require filippo.io/sunlight v0.8.1
