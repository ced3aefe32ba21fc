--- A semantic cache in nginx (OpenResty): the module is lua/moonvec/resty/cache_by_meaning.lua.
return require "moonvec.resty.cache_by_meaning"
