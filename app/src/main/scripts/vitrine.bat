@echo off
rem Starts Vitrine with the runtime beside it, whatever java is on the PATH.
setlocal
set "HOME_DIR=%~dp0.."
set "AOT="
if exist "%HOME_DIR%\lib\vitrine.aot" set AOT="-XX:AOTCache=%HOME_DIR%\lib\vitrine.aot" -Xlog:disable -Xlog:all=error:stderr
"%HOME_DIR%\runtime\bin\java.exe" %AOT% -XX:+UseSerialGC -Xms32m -Xmx1g -Xss1m ^
  --enable-native-access=ALL-UNNAMED,javafx.graphics --sun-misc-unsafe-memory-access=allow ^
  --add-modules javafx.controls,javafx.swing ^
  --add-exports javafx.base/com.sun.javafx.event=ALL-UNNAMED ^
  --add-exports javafx.controls/com.sun.javafx.scene.control=ALL-UNNAMED ^
  --add-exports javafx.controls/com.sun.javafx.scene.control.behavior=ALL-UNNAMED ^
  --add-exports javafx.controls/com.sun.javafx.scene.control.inputmap=ALL-UNNAMED ^
  --add-exports javafx.graphics/com.sun.javafx.scene=ALL-UNNAMED ^
  --add-exports javafx.graphics/com.sun.javafx.scene.traversal=ALL-UNNAMED ^
  --add-opens javafx.graphics/javafx.scene=ALL-UNNAMED ^
  "-Dvitrine.natives=%HOME_DIR%\natives" "-Dvitrine.samples=%HOME_DIR%\samples" "-Dvitrine.worker.aot=%HOME_DIR%\lib\worker.aot" ^
  "-Dorg.sqlite.lib.path=%HOME_DIR%\natives" "-DDJL_CACHE_DIR=%HOME_DIR%\natives\djl" -Dai.djl.offline=true ^
  "-Djava.library.path=%HOME_DIR%\natives" -Dorg.bytedeco.javacpp.pathsFirst=true -Dorg.bytedeco.javacpp.cacheLibraries=false ^
  %VITRINE_JAVA_OPTIONS% -cp "%HOME_DIR%\lib\vitrine.jar" vitrine.app.Main %*
exit /b %ERRORLEVEL%
