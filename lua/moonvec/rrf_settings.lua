--- The settings of the fusers that fuse.rrf returned: fuser -> { k, weights }. multi_query does what such a fuser would
-- do, without a table for each hit.

return setmetatable({}, { __mode = "k" })
