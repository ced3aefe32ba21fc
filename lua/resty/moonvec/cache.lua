--- A semantic cache in nginx (OpenResty): the module is lua/moonvec/resty/semantic_cache.lua.
return require "moonvec.resty.semantic_cache"
