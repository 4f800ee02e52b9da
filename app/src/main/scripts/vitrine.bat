@echo off
rem Starts Vitrine with the runtime beside it, whatever java is on the PATH.
setlocal
set "HOME_DIR=%~dp0.."
set "RUNTIME=%HOME_DIR%\runtime"
if not exist "%RUNTIME%\bin\java.exe" set "RUNTIME=%HOME_DIR%\..\runtime"
set "AOT="
if exist "%HOME_DIR%\lib\vitrine.aot" set AOT="-XX:AOTCache=%HOME_DIR%\lib\vitrine.aot" -Xlog:disable -Xlog:all=error:stderr
rem Commands start sooner with the quick compiler alone; the window and snapshot draw, which pays for the better code.
set "QUICK="
if not "%~1"=="" if not "%~1"=="snapshot" if not exist "%~1" set "QUICK=-XX:TieredStopAtLevel=1"
"%RUNTIME%\bin\java.exe" %QUICK% %AOT% ^
  {options} ^
  %VITRINE_JAVA_OPTIONS% -cp "%HOME_DIR%\lib\vitrine.jar" vitrine.app.Main %*
exit /b %ERRORLEVEL%
